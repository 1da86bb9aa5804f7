use super::*;
use crate::ids::uuid_v7;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn duty(state: DutyState) -> Duty {
    Duty {
        id: DutyId(uuid_v7(Timestamp::UNIX_EPOCH, [7; 10])),
        project: ProjectName::parse("delay").expect("a name"),
        kind: DutyKind::Histograms,
        subject: "2013-04-01".to_owned(),
        rota: Some(RotaName::parse("ml").expect("a name")),
        assignee: Some("ada@example.com".to_owned()),
        pieces: 8,
        opens_at: at("2013-04-01T04:00:00Z"),
        due_at: at("2013-04-02T04:00:00Z"),
        created_at: at("2013-04-01T04:00:02Z"),
        state,
        end: None,
    }
}

#[test]
fn an_open_duty_has_three_ends_and_leaves_none() {
    let ada = Actor::local("ada@example.com");
    let evidence = Digest::of(b"seen");
    let finish = DutyAct::Finish { evidence };
    let waive = DutyAct::Waive { why: " a holiday " };
    let (in_time, late) = (at("2013-04-02T03:59:59Z"), at("2013-04-02T04:00:00Z"));
    for (state, act, now, expected) in [
        (DutyState::Open, finish, in_time, "done"),
        (DutyState::Open, finish, late, "it is late"),
        (DutyState::Open, waive, in_time, "waived"),
        (DutyState::Open, waive, late, "it is late"),
        (DutyState::Open, DutyAct::Waive { why: "\t" }, in_time, "no reason"),
        (DutyState::Open, DutyAct::Miss, in_time, "not due"),
        (DutyState::Open, DutyAct::Miss, late, "missed"),
        (DutyState::Done, finish, in_time, "done before"),
        (DutyState::Done, waive, in_time, "done before"),
        (DutyState::Done, DutyAct::Miss, late, "done before"),
        (DutyState::Waived, finish, in_time, "waived before"),
        (DutyState::Waived, DutyAct::Miss, late, "waived before"),
        (DutyState::Missed, finish, in_time, "it is late"),
        (DutyState::Missed, waive, late, "it is late"),
        (DutyState::Missed, DutyAct::Miss, late, "missed before"),
    ] {
        let said = match duty(state).decide(act, &ada, now) {
            Ok(ending) => ending.to.to_string(),
            Err(DutyRefusal::Ended { state, .. }) => format!("{state} before"),
            Err(DutyRefusal::Late { .. }) => "it is late".to_owned(),
            Err(DutyRefusal::NotDue { .. }) => "not due".to_owned(),
            Err(DutyRefusal::WhyMissing { .. }) => "no reason".to_owned(),
            Err(DutyRefusal::NotAPerson { .. }) => "no person".to_owned(),
        };
        assert_eq!(said, expected, "{state}, {act:?} at {now}");
    }
}

#[test]
fn an_end_says_who_when_and_for_whom() {
    let now = at("2013-04-01T12:00:00Z");
    let evidence = Digest::of(b"seen");
    let ending = |name: &str| {
        let act = DutyAct::Finish { evidence };
        duty(DutyState::Open).decide(act, &Actor::local(name), now).expect("it is open")
    };
    let own = ending("ada@example.com");
    assert_eq!((own.on_behalf_of, own.end.evidence, own.end.at), (None, Some(evidence), now));
    assert_eq!(ending("bob@example.com").on_behalf_of.as_deref(), Some("ada@example.com"));

    let waived = duty(DutyState::Open).decide(DutyAct::Waive { why: " a holiday " }, &Actor::local("bob@x"), now);
    let waived = waived.expect("it is open");
    assert_eq!((waived.end.note.as_deref(), waived.end.evidence), (Some("a holiday"), None));
}

#[test]
fn lamplighter_itself_does_no_duty_and_finds_what_was_missed() {
    let system = Actor::system();
    let (in_time, late) = (at("2013-04-01T12:00:00Z"), at("2013-05-01T12:00:00Z"));
    let open = duty(DutyState::Open);
    for act in [DutyAct::Finish { evidence: Digest::of(b"x") }, DutyAct::Waive { why: "no" }] {
        let refused = open.decide(act, &system, in_time);
        assert!(matches!(refused, Err(DutyRefusal::NotAPerson { .. })), "{refused:?}");
    }
    let missed = open.decide(DutyAct::Miss, &system, late).expect("it is late");
    assert_eq!((missed.to, missed.on_behalf_of), (DutyState::Missed, None));
}
