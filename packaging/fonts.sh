#!/usr/bin/env bash
# fonts.sh - makes the one typeface of screen and paper: two static, subset faces of Noto Sans CJK SC.
#
#   packaging/fonts.sh [OUTDIR]      default: target/fonts beside this folder
#
# OUTDIR/SpotcheckSans-Regular.otf   every Han character the SC face carries in CJK Unified Ideographs and extensions A to G:
#                                    covers 通用规范汉字表 (8,105) and GB 18030-2022 level 2
# OUTDIR/SpotcheckSans-Bold.otf      GB 2312 and 通用规范汉字表, for labels and headings; rarer ones fall back to Regular
# OUTDIR/SHA256SUMS                  of both
#
# Both carry ASCII, Latin-1, general punctuation, full-width forms, arrows, boxes, marks, kana, bopomofo and circled numbers.
# Why a subset: the collection holds ten faces of 16 MB each, a variable font gives tofu in Typst, and the handheld must not
# depend on what is installed on it. Renamed "Spotcheck Sans"; copyright and licence (SIL OFL 1.1) records are kept.
# Equal inputs give equal bytes. Fast when up to date; may be called by several builds at once.
# Needs: fonts-noto-cjk, python3 with fontTools (Debian: python3-fonttools), flock.

set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$here/../target/fonts}
noto=${SPOTCHECK_NOTO:-/usr/share/fonts/opentype/noto}
mkdir -p "$out"
out=$(cd -- "$out" && pwd)

say() { printf 'fonts.sh: %s\n' "$*" >&2; }
for weight in Regular Bold; do
  [ -r "$noto/NotoSansCJK-$weight.ttc" ] || { say "$noto/NotoSansCJK-$weight.ttc is missing. Debian: apt-get install fonts-noto-cjk"; exit 3; }
done

exec 9> "$out/.lock"
flock 9
wanted=$(cat "${BASH_SOURCE[0]}" "$noto/NotoSansCJK-Regular.ttc" "$noto/NotoSansCJK-Bold.ttc" | sha256sum | cut -c1-64)
if [ "$(cat "$out/.made-from" 2>/dev/null)" = "$wanted" ] && ( cd "$out" && sha256sum --status --strict -c SHA256SUMS 2>/dev/null ); then
  exit 0
fi

python=
for candidate in "${SPOTCHECK_PYTHON:-python3}" /usr/bin/python3; do
  if "$candidate" -c 'import fontTools.subset' 2>/dev/null; then python=$candidate; break; fi
done
[ -n "$python" ] || { say "no python3 with fontTools. Debian: apt-get install python3-fonttools"; exit 3; }

tmp=$(mktemp -d "$out/.new.XXXXXX")
trap 'rm -rf -- "$tmp"' EXIT
cat > "$tmp/subset.py" <<'PY'
"""collection, weight, output, characters beyond GB 2312"""
import sys
from fontTools import subset
from fontTools.ttLib import TTCollection, TTFont

source, weight, target, extra_file = sys.argv[1:]
number = [f["name"].getDebugName(1) for f in TTCollection(source, lazy=True).fonts].index("Noto Sans CJK SC")
font = TTFont(source, fontNumber=number, recalcTimestamp=False)
mapped = set(font.getBestCmap())

signs = [(0x20, 0x7E), (0xA0, 0xFF), (0x2010, 0x2027), (0x2030, 0x205E), (0x2070, 0x209C), (0x20A0, 0x20BF), (0x2100, 0x218B),
         (0x2190, 0x21FF), (0x2200, 0x22FF), (0x2300, 0x23FF), (0x2460, 0x24FF), (0x2500, 0x25FF), (0x2600, 0x26FF), (0x2700, 0x27BF),
         (0x0370, 0x03FF), (0x0400, 0x045F), (0x3000, 0x303F), (0x3041, 0x30FF), (0x3105, 0x312F), (0x3200, 0x33FF),
         (0xFE10, 0xFE1F), (0xFE30, 0xFE4F), (0xFF01, 0xFFEF)]
# Latin letters with tone marks, for pinyin
wanted = {c for a, b in signs for c in range(a, b + 1)} | {ord(c) for c in "āáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜüńňǹḿ"}
gb2312 = {ord(bytes([row, cell]).decode("gb2312")) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF) if not (row == 0xD7 and cell > 0xF9)}
general = gb2312 | {ord(c) for line in open(extra_file, encoding="utf-8") for c in line.strip()}
missing = general - mapped
if missing:
    sys.exit("the font lacks " + " ".join(f"U+{c:04X}" for c in sorted(missing)))
if weight == "Regular":
    han = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0x20000, 0x3134F)]
    wanted |= general | {0x3007} | {c for a, b in han for c in range(a, b + 1)}
else:
    wanted |= general | {0x3007}

options = subset.Options()
options.hinting = False                     # high-resolution screens and paper; saves a tenth
options.layout_features = ["kern", "mark", "mkmk", "ccmp"]    # not locl: it would pull in the Japanese, Korean, Taiwan and Hong Kong shapes
options.name_IDs = ["*"]
options.notdef_outline = True
options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "DSIG"]
subsetter = subset.Subsetter(options)
subsetter.populate(unicodes=wanted & mapped)
subsetter.subset(font)

family, postscript = "Spotcheck Sans", "SpotcheckSans-" + weight
names = {1: family, 2: weight, 3: postscript + ";subset", 4: family + ("" if weight == "Regular" else " " + weight), 6: postscript}
table = font["name"]
table.names = [n for n in table.names if n.nameID in (0, 7, 8, 9, 10, 11, 12, 13, 14, 5) and n.platformID == 3 and n.langID == 0x409]
for n, text in names.items():
    table.setName(text, n, 3, 1, 0x409)
cff = font["CFF "].cff
cff.fontNames[0] = postscript
top = cff.topDictIndex[0]
top.FamilyName, top.FullName, top.Weight = family, names[4], weight
font.save(target)
PY
# 通用规范汉字表 less GB 2312: 1,467 characters
cat > "$tmp/extra.txt" <<'HAN'
㑇㑊㕮㘎㙍㙘㙦㛃㛚㛹㟃㠇㠓㤘㥄㧐㧑㧟㫰㬊㬎㬚㭎㭕㮾㰀㳇㳘㳚㴔㵐㶲㸆㸌㺄㻬㽏㿠䁖䂮䃅䃎䅟䌹䎃䎖䏝䏡䏲䐃䓖䓛䓨䓫䓬䗖䗛䗪䗴䜣
䝙䢺䢼䣘䥽䦃䲟䲠䲢䴓䴔䴕䴖䴗䴘䴙䶮丏乂乸亶亸亹伈伋伣伭伾佁佖佸佺佽侁侂侘侴侹俍俙俫俵俶倓倕倞倧倴倻偁偓偡偭偰偲傃傉傒傕僇
僎僔僰儦儳儴冏冔冮凓凘刬剅剋剕剟劄劼勍勔勚勠匜匼卬厖厾叆叇叕叚吽呇呣咇咉咍咡咥咺哃哢哱唝唵啫啰啴喆喤嗐嗞嘚嘡噀噂噇嚄嚚嚭
囷圌圐圙圢圫圲坉坋坒坥坬坰坽垈垍垎垏垕垙垚垞垟垯垱垵垺垾垿埆埇埌埗埪埫埵埼堃堉堌堎堐堧堨堲堼堽堾塅塆塝塱墈墐墕墘墡墣墦壸
夐夬奓奡奭妘妧妭姈姞姤姮姱姶姽娀娵婌婍婘婞婠婤婫婳婻婼媂媄媆媓媖媞媭媱嫄嫕嫚嫪嫭嫽嬛嬥嬬嬿孅孖宧宬寁尨尪屃屼屾岊岞岠岨峂
峃峗峘峛峣峧峱峿崀崁崄崌崒崚崟崡崶崿嵁嵅嵎嵖嵚嵲嶅嶍嶒嶓嶟嶦嶲巇巉帡帨幖幪庤庱庼廆廋廙弆弇弢弨弶弸彟彧徛忞忳忺恓恔悆悈悢
悰惇惎惔惙惛愃愐愔愭慆慥慬慭憕憙憭憺戣戭扂扅扆扊扞扺扽抃抔拃拤挓挦捯捽掞揕揳搒摏摛摴摽擿攽敔敩斝斠斶旐旞旴旵旸旻旿昄昇昈
昉昒昡昣昤昪昫昳昺昽晅晊晐晙晞晢晪晫晱暅暕暲暵暶暿曈曌朏朓朳朸杄杕杙杧杻枅枍枲枹柈柊柖柷栐栒栟栴栻桯桲桹梌梠梣梴梼梽梾梿
棁棐棓棤棨棪棫棬棻棽椀椆椑椓椪椸楒楙楩楪楯榃榅榑榖榰槃槚槜槱橑橞橦檞櫆欂欸欻歅殣毌毐氾氿汈汋汧汫汭沄沇沘沚沨沺泂泃泇泙泚
泜洈洑洓洘洢洣洨洭洴洸洺洿浉浐浕浛浟浡浥浬浭浰浲涄涍涐涘涢涴淏淜淟淯淴渟渰渼湉湑湜湝湣湲湴溁溇溍溚溞溠溦溵溹滃滆滉滍滘滧
滪滫漈漋漖漦漴漷漹漻漼潏潖潟潩潵潽潾澂澛澥澪澭澴澼澽濋濩瀌瀍瀔瀱瀼灈炆炌炘炟炣烔烜烝烠烶烺烻焆焌焗焜焞煁煃煋煓煟煴熇熛熜
熥熻燊燋燏燚爇爔爚爟牁牂牚牤牥牻犇犨狉狝猄猇猯猰猺獴玃玒玓玕玘玙玚玞玠玡玤玥玦玭玱玶玹玼玿珅珇珋珌珒珕珖珛珝珢珣珦珪珫珰
珵珷珸珹珺珽琀琄琇琈琎琔琟琡琤琫琭琯琲瑀瑂瑃瑄瑅瑆瑑瑓瑔瑖瑝瑢瑧瑨瑬瑱瑳璆璈璒璘璟璠璥璪璬璮璱璲瓀瓖瓘瓻甗甡甦甪畖畤畬畯
疁疍疐疢疭痓瘆癗癿皕皛皞皦皭盉盦盷眊眬睄睎瞋瞫瞭矞矰矻矼砄砆砠砫砮砵硁硊硍硔硙硚硿碃碈碏碨碶磏磜磡磹磻礌礵祃祇祊祋祎祏祐
祕祲祼祾禋禒禔禘禛禤秬秾稌稑稙穄穙穜穟窅窊窎窣窸竑竘竫笯筀筜筤筥筦筶筼箓箖篯簃簉簕簝簠簰籥粿糒糵絜縠縢繄纮纴纻纼绖绤绹缊
缐缞罍罶罽羑羓羕羖羱翀翂翃翈翙翚翛翯翷翾耇耏耑耤耰肸胈胠胣脟脩脿腒腘腨腯膙臑臜舠舥舲艅艎芃芠芣芼苉苧苾茀茋茓茝茽荁荄荓荖
荙莙莝莿菂菉菍菼萚萣萩萳萹葎葖葰葴蒄蒐蒟蒨蒱蒻蓂蓇蓏蓢蔀蔃蔈蔊蕗蕰薁薢薳薸薿藟藠藦藨蘘虒虓虤虷虸蚄蚆蚲蛃蜎蜐蝘蝲螠螣螱蟏
蟫蠋衃衎衒衠袆袗袪袯裈裛褕褟褯襕襚襜襫觃觟觭觱觿訄訚詟讱讻诇诐谞谼谿豨豮貆赑赒赗赟赪趯跂跐跱跶踒踦踶蹅蹐蹚蹜蹢蹽蹾轪辀辌
辒辿迺逴遆遹邘邠邨邲邽邿郃郈郚郤郪郿鄀鄃鄅鄌鄑鄗鄘鄚鄜鄠鄫酂酅酦酺醨醾釐鋆钖钘铏铚铻锜锧锳锽镃镈镋镕镚镠镮镴镵闿阇阘陎陑
陞隃隩隺雊雱霅霨靬靰靸靺靽靿鞁鞡鞧鞨鞬鞮鞳韂韨颋颎颙飏飐飔飗饳饸饹饻馃馉馌馝馞馧驲骃骉骍骎骕骙骦髃髎髢髽鬒鬘鬶鬷魆魋鱽鱾
鲀鲃鲉鲊鲌鲏鲖鲗鲘鲙鲝鲪鲬鲯鲹鲾鲿鳀鳁鳂鳈鳉鳑鳒鳚鳛鳠鳡鳣鳤鸤鸧鸮鸰鸻鸼鹀鹍鹐鹒鹔鹖鹙鹝鹟鹠鹡鹢鹮鹯鹲鹴麀麑麖麹黇黡鼒鼩
鼫鼱齁齇齉龁龂龢鿍鿎鿏𠅤𠙶𠳐𡎚𡐓𣗋𣲗𣲘𣸣𤧛𤩽𤫉𥔲𥕢𥖨𥻗𦈡𦒍𦙶𦝼𦭜𦰡𧿹𨐈𨙸𨚕𨟠𨭉𨱇𨱏𨱑𨱔𨺙𩽾𩾃𩾌𪟝𪣻𪤗𪨰𪨶𪩘𪾢𫄧𫄨𫄷𫄸𫇭𫌀
𫍣𫍯𫍲𫍽𫐄𫐐𫐓𫑡𫓧𫓯𫓶𫓹𫔍𫔎𫔶𫖮𫖯𫖳𫗧𫗴𫘜𫘝𫘦𫘧𫘨𫘪𫘬𫚕𫚖𫚭𫛭𫞩𫟅𫟦𫟹𫟼𫠆𫠊𫠜𫢸𫫇𫭟𫭢𫭼𫮃𫰛𫵷𫶇𫷷𫸩𬀩𬀪𬂩𬃊𬇕𬇙𬇹𬉼𬊈𬊤
𬌗𬍛𬍡𬍤𬒈𬒔𬒗𬕂𬘓𬘘𬘡𬘩𬘫𬘬𬘭𬘯𬙂𬙊𬙋𬜬𬜯𬞟𬟁𬟽𬣙𬣞𬣡𬣳𬤇𬤊𬤝𬨂𬨎𬩽𬪩𬬩𬬭𬬮𬬱𬬸𬬹𬬻𬬿𬭁𬭊𬭎𬭚𬭛𬭤𬭩𬭬𬭯𬭳𬭶𬭸𬭼𬮱𬮿𬯀𬯎
𬱖𬱟𬳵𬳶𬳽𬳿𬴂𬴃𬴊𬶋𬶍𬶏𬶐𬶟𬶠𬶨𬶭𬶮𬷕𬸘𬸚𬸣𬸦𬸪𬹼𬺈𬺓
HAN

say "making SpotcheckSans-Regular.otf and SpotcheckSans-Bold.otf (about a minute, once)"
"$python" "$tmp/subset.py" "$noto/NotoSansCJK-Regular.ttc" Regular "$tmp/SpotcheckSans-Regular.otf" "$tmp/extra.txt" & regular=$!
"$python" "$tmp/subset.py" "$noto/NotoSansCJK-Bold.ttc" Bold "$tmp/SpotcheckSans-Bold.otf" "$tmp/extra.txt"
wait "$regular"
bytes=$(cat "$tmp"/*.otf | wc -c)
[ "$bytes" -le 12582912 ] || { say "both faces together have $bytes bytes, more than 12 MiB"; exit 1; }
( cd "$tmp" && sha256sum SpotcheckSans-Bold.otf SpotcheckSans-Regular.otf > SHA256SUMS )
rm -f "$out/.made-from"
mv -f "$tmp"/*.otf "$tmp/SHA256SUMS" "$out/"
printf '%s\n' "$wanted" > "$out/.made-from"
say "$bytes bytes in $out"
