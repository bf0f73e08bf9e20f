//! Enrolment, renewal, revocation, expiry: sync.md, "Enrolment by ticket" and "never lock evidence in".

use spotcheck_domain::parse_canonical;
use spotcheck_wire::enrol::{
    EnrolRequest, RENEW_SCHEMA, RenewRequest, Ticket, TicketKind, TrustStatement,
};
use spotcheck_wire::hello::Hello;
use spotcheck_wire::tasks::TaskList;

use super::handheld::{
    Handheld, Key, anonymous, block_on, centre, client, config, problem, request,
};
use crate::repository::Directory;
use crate::testing::{DEVICE, OFFICERS};

const DAY_MS: i64 = 86_400_000;

#[test]
fn hello_needs_nobody_and_everything_else_a_certificate() {
    let (centre, clock) = centre();
    block_on(async {
        let http = anonymous(&centre, &clock);
        let hello: Hello = http
            .get(format!("{}/v1/hello", centre.url()))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!((hello.version_min, hello.version_max), (1, 1));
        assert_eq!(hello.capabilities, ["tus-1.0"]);
        for path in ["/v1/tasks", "/v1/packages/PKG-x/claims.db", "/v1/bundles/EVID-x"] {
            let response = http.get(format!("{}{path}", centre.url())).send().await.unwrap();
            assert_eq!(problem(response).await, (401, "DEVICE-UNKNOWN".to_owned()), "{path}");
        }
        let response = http.get(format!("{}/v1/nothing", centre.url())).send().await.unwrap();
        assert_eq!(problem(response).await, (404, "NOT-FOUND".to_owned()));
        let response = http.delete(format!("{}/v1/hello", centre.url())).send().await.unwrap();
        assert_eq!(problem(response).await.0, 405);
    });
}

#[test]
fn a_false_centre_is_not_talked_to() {
    let (centre, clock) = centre();
    let (other, _) = super::handheld::centre();
    block_on(async {
        let root = other.centre().ca().tls.der().clone();
        let http = client(config(&[root], clock.clone(), None));
        assert!(http.get(format!("{}/v1/hello", centre.url())).send().await.is_err());
    });
}

#[test]
fn a_device_enrols_once_and_believes_only_what_the_pinned_ca_signed() {
    let (centre, clock) = centre();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        let answer = &handheld.answer;
        assert_eq!(answer.id, DEVICE);
        assert_eq!(crate::objects::sha256_hex(&answer.ca), centre.device_ticket().ca_sha256);
        let trust: TrustStatement = parse_canonical(&answer.trust).unwrap();
        assert_eq!(trust.id, DEVICE);
        assert_eq!(trust.log_key, centre.centre().log().vkey());
        assert!(trust.intake.starts_with("age1") && trust.escrow.starts_with("age1"));
        use der::Decode;
        let ca = x509_cert::Certificate::from_der(&answer.ca).unwrap();
        let key =
            ca.tbs_certificate.subject_public_key_info.subject_public_key.raw_bytes().to_vec();
        let algorithm = &ring::signature::ECDSA_P256_SHA256_ASN1;
        let verifier = ring::signature::UnparsedPublicKey::new(algorithm, key);
        verifier.verify(&answer.trust, &answer.trust_signature).unwrap();

        let list: TaskList = handheld.get("/v1/tasks").send().await.unwrap().json().await.unwrap();
        assert!(list.tasks.is_empty());
        assert_eq!(list.crls.len(), 2);
        let log = spotcheck_evidence::tlog::LogKey::parse(&trust.log_key).unwrap();
        let proof = spotcheck_evidence::tlog::LogProof::parse(&list.time_proof).unwrap();
        proof.verify(list.time_entry.as_bytes(), &log).unwrap();

        // The ticket is used up, for this key and any other.
        let again = request(centre.device_ticket(), Some(&Key::new()), &Key::new(), None, None);
        let url = format!("{}/v1/enroll", centre.url());
        let response = anonymous(&centre, &clock).post(&url).json(&again).send().await.unwrap();
        assert_eq!(problem(response).await, (403, "ENROL-TICKET".to_owned()));
    });
}

async fn try_enrol(
    centre: &crate::testing::TestCentre,
    clock: &std::sync::Arc<spotcheck_domain::ManualClock>,
    ask: &EnrolRequest,
) -> (u16, String) {
    let url = format!("{}/v1/enroll", centre.url());
    problem(anonymous(centre, clock).post(url).json(ask).send().await.unwrap()).await
}

#[test]
fn wrong_proof_foreign_ticket_expired_ticket_and_bad_requests_all_fail_and_use_nothing_up() {
    let (centre, clock) = centre();
    block_on(async {
        let ticket = centre.device_ticket();
        let no = (403, "ENROL-TICKET".to_owned());
        // Somebody between puts in their own key but does not know the code.
        let mut stolen = request(ticket, Some(&Key::new()), &Key::new(), None, None);
        stolen.tls_csr = Key::new().csr();
        assert_eq!(try_enrol(&centre, &clock, &stolen).await, no);
        let unknown = Ticket { code: "00".repeat(16), ..ticket.clone() };
        let ask = request(&unknown, Some(&Key::new()), &Key::new(), None, None);
        assert_eq!(try_enrol(&centre, &clock, &ask).await, no);
        // One key in two roles.
        let one = Key::new();
        let ask = request(ticket, Some(&one), &one, None, None);
        assert_eq!(try_enrol(&centre, &clock, &ask).await, (400, "ENROL-CSR".to_owned()));
        // An officer's ticket before there is a device.
        let officer = &centre.officer_tickets()[0];
        let ask = request(officer, None, &Key::new(), Some(DEVICE), None);
        assert_eq!(try_enrol(&centre, &clock, &ask).await, no);
        let url = format!("{}/v1/enroll", centre.url());
        let response = anonymous(&centre, &clock).post(&url).body("{").send().await.unwrap();
        assert_eq!(problem(response).await, (400, "BAD-REQUEST".to_owned()));
        // 24 hours later nothing counts any more.
        clock.advance_ms(DAY_MS);
        let ask = request(ticket, Some(&Key::new()), &Key::new(), None, None);
        assert_eq!(try_enrol(&centre, &clock, &ask).await, no);
    });
}

#[test]
fn officers_enrol_on_a_known_device_and_bring_its_package_identity() {
    let (centre, clock) = centre();
    block_on(async {
        let _handheld = Handheld::enrol(&centre, &clock).await;
        let recipient = age::x25519::Identity::generate().to_public().to_string();
        let ask = request(
            &centre.officer_tickets()[0],
            None,
            &Key::new(),
            Some(DEVICE),
            Some(&recipient),
        );
        let url = format!("{}/v1/enroll", centre.url());
        let response = anonymous(&centre, &clock).post(&url).json(&ask).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let answer: spotcheck_wire::enrol::EnrolResponse = response.json().await.unwrap();
        assert_eq!((answer.id.as_str(), answer.tls_chain.as_str()), (OFFICERS[0], ""));
        let device = centre.centre().repo().device(DEVICE).unwrap().unwrap();
        assert_eq!(device.package_recipient.as_ref(), Some(&recipient));
        // Another recipient put in on the way: packages would be wrapped for a stranger.
        let honest = request(
            &centre.officer_tickets()[1],
            None,
            &Key::new(),
            Some(DEVICE),
            Some(&recipient),
        );
        let stranger = age::x25519::Identity::generate().to_public().to_string();
        for swapped in [Some(stranger), None] {
            let ask = EnrolRequest { package_recipient: swapped, ..honest.clone() };
            let no = (403, "ENROL-TICKET".to_owned());
            assert_eq!(try_enrol(&centre, &clock, &ask).await, no);
        }
        let bad = request(
            &centre.officer_tickets()[1],
            None,
            &Key::new(),
            Some(DEVICE),
            Some("age1nope"),
        );
        assert_eq!(try_enrol(&centre, &clock, &bad).await, (400, "BAD-REQUEST".to_owned()));
        let nowhere =
            request(&centre.officer_tickets()[1], None, &Key::new(), Some("D-9999"), None);
        assert_eq!(try_enrol(&centre, &clock, &nowhere).await, (403, "ENROL-TICKET".to_owned()));
    });
}

#[test]
fn an_expired_certificate_renews_for_400_days_and_pulls_nothing_until_then() {
    let (centre, clock) = centre();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        clock.advance_ms(366 * DAY_MS);
        // The client's own clock would still take the server's certificate: 397 days.
        let response = handheld.get("/v1/tasks").send().await.unwrap();
        assert_eq!(problem(response).await, (403, "DEVICE-EXPIRED".to_owned()));
        let (tls, signing) = (Key::new(), Key::new());
        let ask = RenewRequest {
            schema: RENEW_SCHEMA.to_owned(),
            tls_csr: tls.csr(),
            signing_csr: signing.csr(),
        };
        let response = handheld.post("/v1/renew").json(&ask).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let answer: spotcheck_wire::enrol::EnrolResponse = response.json().await.unwrap();
        let chain = answer.tls_chain.clone();
        let renewed =
            Handheld::with(&centre, &clock, tls.0.serialize_der(), chain, signing, answer);
        assert_eq!(renewed.get("/v1/tasks").send().await.unwrap().status(), 200);
    });
}

#[test]
fn a_revoked_device_is_stopped_at_its_next_request_on_the_same_connection() {
    let (centre, clock) = centre();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        assert_eq!(handheld.get("/v1/tasks").send().await.unwrap().status(), 200);
        let now = centre.centre().now_ms();
        assert!(centre.centre().store().revoke_device(DEVICE, now).unwrap());
        let response = handheld.get("/v1/tasks").send().await.unwrap();
        assert_eq!(problem(response).await, (403, "DEVICE-REVOKED".to_owned()));
        // It may still deliver: uploads are open to it.
        let made =
            handheld.tus("POST", "/v1/blobs").header("upload-length", 3).send().await.unwrap();
        assert_eq!(made.status(), 201);
        let again =
            crate::tickets::new_ticket(centre.centre(), TicketKind::Device, DEVICE, None, None);
        assert!(again.is_err());
    });
}

#[test]
fn a_client_too_old_may_upload_but_not_pull() {
    let (centre, clock) = centre();
    block_on(async {
        let handheld = Handheld::enrol(&centre, &clock).await;
        let old =
            handheld.get("/v1/tasks").header("spotcheck-client", "0.0.9").send().await.unwrap();
        assert_eq!(problem(old).await, (426, "CLIENT-TOO-OLD".to_owned()));
        let new =
            handheld.get("/v1/tasks").header("spotcheck-client", "0.1.0").send().await.unwrap();
        assert_eq!(new.status(), 200);
        let upload = handheld.tus("POST", "/v1/blobs").header("spotcheck-client", "0.0.9");
        assert_eq!(upload.header("upload-length", 1).send().await.unwrap().status(), 201);
    });
}

#[test]
fn another_cas_client_certificate_does_not_even_connect() {
    let (centre, clock) = centre();
    let (other, other_clock) = super::handheld::centre();
    block_on(async {
        let foreign = Handheld::enrol(&other, &other_clock).await;
        let crossed = Handheld::with(
            &centre,
            &clock,
            foreign.tls_key,
            foreign.tls_chain,
            foreign.signing,
            foreign.answer,
        );
        assert!(crossed.get("/v1/tasks").send().await.is_err());
    });
}
