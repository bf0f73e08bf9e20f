// readlog reads a centre's public log by Go's own code (golang.org/x/mod/sumdb) and proves one entry in it.
//
//	readlog URL VKEY ENTRY OLD-CHECKPOINT
//
// It opens the newest checkpoint under VKEY, reads every entry from the entry bundles and recomputes the
// root from them, proves the entry whose bytes are those of the file ENTRY, and proves that the tree
// continues the one of the file OLD-CHECKPOINT. Proofs are made from the public hash tiles.
// The connection is not authenticated: what counts is signed.
package main

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

type server struct {
	url    string
	client *http.Client
}

func (s server) get(path string) ([]byte, error) {
	answer, err := s.client.Get(s.url + "/v1/log/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// tilePath is C2SP's spelling of Go's tile: no height, entries instead of data.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

func (s server) Height() int { return height }

func (s server) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := s.get(tilePath(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (s server) SaveTiles([]tlog.Tile, [][]byte) {}

// open verifies a checkpoint: origin, size, root, signature by the key of the log.
func open(text []byte, verifier note.Verifier) tlog.Tree {
	opened, err := note.Open(text, note.VerifierList(verifier))
	must("checkpoint", err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		must("checkpoint", fmt.Errorf("origin %q of key %q", lines[0], verifier.Name()))
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must("size", err)
	root, err := tlog.ParseHash(lines[2])
	must("root", err)
	return tlog.Tree{N: size, Hash: root}
}

// entries reads all of them from the entry bundles.
func (s server) entries(size int64) [][]byte {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		data, err := s.get(tilePath(tlog.Tile{H: height, L: -1, N: n, W: int(width)}))
		must("entries", err)
		for len(data) > 0 {
			length := int(binary.BigEndian.Uint16(data))
			all = append(all, data[2:2+length])
			data = data[2+length:]
		}
	}
	return all
}

type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, m[index])
	}
	return found, nil
}

func main() {
	insecure := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	log := server{os.Args[1], &http.Client{Transport: insecure}}
	verifier, err := note.NewVerifier(os.Args[2])
	must("key", err)
	entry, err := os.ReadFile(os.Args[3])
	must("entry", err)
	oldText, err := os.ReadFile(os.Args[4])
	must("old checkpoint", err)

	text, err := log.get("checkpoint")
	must("checkpoint", err)
	tree, old := open(text, verifier), open(oldText, verifier)

	entries := log.entries(tree.N)
	var stored memory
	index := int64(-1)
	for n, bytesOf := range entries {
		hashes, err := tlog.StoredHashes(int64(n), bytesOf, stored)
		must("hash", err)
		stored = append(stored, hashes...)
		if bytes.Equal(bytesOf, entry) {
			index = int64(n)
		}
	}
	root, err := tlog.TreeHash(int64(len(entries)), stored)
	must("tree", err)
	if int64(len(entries)) != tree.N || root != tree.Hash {
		must("root", fmt.Errorf("%d entries do not make the root", len(entries)))
	}
	if index < 0 {
		must("entry", fmt.Errorf("not in the log"))
	}
	hashes := tlog.TileHashReader(tree, log)
	record, err := tlog.ProveRecord(tree.N, index, hashes)
	must("inclusion", err)
	must("inclusion", tlog.CheckRecord(record, tree.N, tree.Hash, index, tlog.RecordHash(entry)))
	growth, err := tlog.ProveTree(tree.N, old.N, hashes)
	must("consistency", err)
	must("consistency", tlog.CheckTree(growth, tree.N, tree.Hash, old.N, old.Hash))
	must("print", json.NewEncoder(os.Stdout).Encode(map[string]int64{
		"size": tree.N, "index": index, "old_size": old.N,
	}))
}
