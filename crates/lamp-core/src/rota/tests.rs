use jiff::civil::time;
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).expect("a zone")
}

fn rota(people: &[&str], weekday: Weekday, hour: i8, minute: i8) -> Rota {
    let people = people.iter().map(|name| format!("{name}@example.com")).collect();
    Rota { people, handoff: Handoff { weekday, time: time(hour, minute, 0, 0) } }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn swap(person: &str, from: &str, until: &str) -> Swap {
    Swap {
        rota: RotaName::parse("ml").expect("a name"),
        from: at(from),
        until: at(until),
        person: format!("{person}@example.com"),
        why: format!("{person} helps out"),
        by: Actor::local("ada@example.com"),
        at: at("2013-01-01T00:00:00Z"),
    }
}

/// `ada 2013-04-01T09:00 -> 2013-04-08T09:00`, in the zone's wall-clock time.
fn said(shift: &Shift, zone: &TimeZone) -> String {
    let civil = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M%:z").to_string();
    let name = shift.person.split('@').next().unwrap_or_default();
    format!("{name} {} -> {}", civil(shift.from), civil(shift.until))
}

#[test]
fn a_shift_lasts_from_one_handoff_to_the_next() {
    let new_york = zone("America/New_York");
    let mondays = rota(&["ada", "bob", "eve"], Weekday::Monday, 9, 0);
    for (now, expected) in [
        // One second before and at the hand-off.
        ("2013-04-01T08:59:59-04:00", "eve 2013-03-25T09:00-04:00 -> 2013-04-01T09:00-04:00"),
        ("2013-04-01T09:00:00-04:00", "ada 2013-04-01T09:00-04:00 -> 2013-04-08T09:00-04:00"),
        ("2013-04-07T23:59:59-04:00", "ada 2013-04-01T09:00-04:00 -> 2013-04-08T09:00-04:00"),
        ("2013-04-08T09:00:00-04:00", "bob 2013-04-08T09:00-04:00 -> 2013-04-15T09:00-04:00"),
        // Across both changes of the clocks it passes on at nine.
        ("2013-03-10T12:00:00-04:00", "eve 2013-03-04T09:00-05:00 -> 2013-03-11T09:00-04:00"),
        ("2013-03-11T08:59:59-04:00", "eve 2013-03-04T09:00-05:00 -> 2013-03-11T09:00-04:00"),
        ("2013-11-03T12:00:00-05:00", "ada 2013-10-28T09:00-04:00 -> 2013-11-04T09:00-05:00"),
        // Nothing is special about a new year.
        ("2013-12-31T23:00:00-05:00", "ada 2013-12-30T09:00-05:00 -> 2014-01-06T09:00-05:00"),
        ("1969-12-31T12:00:00-05:00", "eve 1969-12-29T09:00-05:00 -> 1970-01-05T09:00-05:00"),
    ] {
        assert_eq!(said(&shift_at(&mondays, &new_york, &[], at(now)), &new_york), expected, "{now}");
    }
}

#[test]
fn a_handoff_within_a_change_of_the_clocks_happens_once() {
    let new_york = zone("America/New_York");
    // On 10 March 2013 there is no 02:30; it happens at 03:30.
    let in_the_gap = rota(&["ada", "bob"], Weekday::Sunday, 2, 30);
    for (now, expected) in [
        ("2013-03-10T01:59:59-05:00", "bob 2013-03-03T02:30-05:00 -> 2013-03-10T03:30-04:00"),
        ("2013-03-10T03:29:59-04:00", "bob 2013-03-03T02:30-05:00 -> 2013-03-10T03:30-04:00"),
        ("2013-03-10T03:30:00-04:00", "ada 2013-03-10T03:30-04:00 -> 2013-03-17T02:30-04:00"),
    ] {
        assert_eq!(said(&shift_at(&in_the_gap, &new_york, &[], at(now)), &new_york), expected, "{now}");
    }
    // On 3 November 2013 01:30 comes twice; the first counts.
    let in_the_fold = rota(&["ada", "bob"], Weekday::Sunday, 1, 30);
    for (now, expected) in [
        ("2013-11-03T01:29:59-04:00", "bob 2013-10-27T01:30-04:00 -> 2013-11-03T01:30-04:00"),
        ("2013-11-03T01:30:00-04:00", "ada 2013-11-03T01:30-04:00 -> 2013-11-10T01:30-05:00"),
        ("2013-11-03T01:15:00-05:00", "ada 2013-11-03T01:30-04:00 -> 2013-11-10T01:30-05:00"),
        ("2013-11-03T01:45:00-05:00", "ada 2013-11-03T01:30-04:00 -> 2013-11-10T01:30-05:00"),
    ] {
        assert_eq!(said(&shift_at(&in_the_fold, &new_york, &[], at(now)), &new_york), expected, "{now}");
    }
}

#[test]
fn a_day_that_a_zone_leaves_out_leaves_no_gap() {
    // Samoa had no Friday 30 December 2011.
    let apia = zone("Pacific/Apia");
    let fridays = rota(&["ada", "bob"], Weekday::Friday, 9, 0);
    let before = shift_at(&fridays, &apia, &[], at("2011-12-29T12:00:00-10:00"));
    let after = shift_after(&fridays, &apia, &[], &before);
    assert_eq!(said(&before, &apia), "bob 2011-12-23T09:00-10:00 -> 2011-12-31T09:00+14:00");
    assert_eq!(said(&after, &apia), "ada 2011-12-31T09:00+14:00 -> 2012-01-06T09:00+14:00");
}

#[test]
fn a_person_alone_is_always_on() {
    let utc = TimeZone::UTC;
    let alone = rota(&["ada"], Weekday::Monday, 9, 0);
    let shift = shift_at(&alone, &utc, &[], at("2013-04-03T00:00:00Z"));
    assert_eq!(said(&shift, &utc), "ada 2013-04-01T09:00+00:00 -> 2013-04-08T09:00+00:00");
    assert_eq!(shift_after(&alone, &utc, &[], &shift).person, "ada@example.com");
}

#[test]
fn swaps_lie_above_turns_and_the_last_recorded_counts() {
    let utc = TimeZone::UTC;
    let rota = rota(&["ada", "bob", "eve"], Weekday::Monday, 9, 0);
    let swaps = [
        swap("bob", "2013-04-03T00:00:00Z", "2013-04-05T00:00:00Z"),
        // Hidden in part by the next one.
        swap("eve", "2013-04-04T12:00:00Z", "2013-04-06T00:00:00Z"),
        swap("bob", "2013-04-04T12:00:00Z", "2013-04-04T18:00:00Z"),
    ];
    let mut shift = shift_at(&rota, &utc, &swaps, at("2013-04-01T10:00:00Z"));
    let mut found = Vec::new();
    for _ in 0..6 {
        found.push(said(&shift, &utc).replace(":00+00:00", ""));
        shift = shift_after(&rota, &utc, &swaps, &shift);
    }
    let expected = [
        "ada 2013-04-01T09 -> 2013-04-03T00",
        "bob 2013-04-03T00 -> 2013-04-04T18",
        "eve 2013-04-04T18 -> 2013-04-06T00",
        "ada 2013-04-06T00 -> 2013-04-08T09",
        "bob 2013-04-08T09 -> 2013-04-15T09",
        "eve 2013-04-15T09 -> 2013-04-22T09",
    ];
    assert_eq!(found, expected);
    // Seen from anywhere within, a shift is the same.
    let eve = shift_at(&rota, &utc, &swaps, at("2013-04-05T12:00:00Z"));
    assert_eq!(said(&eve, &utc).replace(":00+00:00", ""), expected[2]);
    let swapped = shift_at(&rota, &utc, &swaps, at("2013-04-03T10:00:00Z"));
    assert_eq!(swapped.swapped.as_deref(), Some("bob helps out"));
    // Swapped to the person whose turn it is anyway, nothing changes; it is how a swap is taken back.
    let back = [swaps[0].clone(), swap("ada", "2013-04-03T00:00:00Z", "2013-04-05T00:00:00Z")];
    let shift = shift_at(&rota, &utc, &back, at("2013-04-03T10:00:00Z"));
    assert_eq!((shift.person.as_str(), shift.swapped), ("ada@example.com", None));
}

#[test]
fn a_swap_that_cannot_be_right_is_refused() {
    let rota = rota(&["ada", "bob"], Weekday::Monday, 9, 0);
    let good = swap("bob", "2013-04-03T00:00:00Z", "2013-04-05T00:00:00Z");
    assert!(good.clone().check(&rota).is_ok());
    let refused = |swap: Swap| swap.check(&rota).expect_err("refused");
    assert_eq!(refused(Swap { why: " ".to_owned(), ..good.clone() }), SwapRefusal::WhyMissing);
    assert!(matches!(refused(Swap { until: good.from, ..good.clone() }), SwapRefusal::Empty { .. }));
    assert!(matches!(refused(Swap { at: good.until, ..good.clone() }), SwapRefusal::Past { .. }));
    assert_eq!(refused(Swap { until: at("2014-04-05T00:00:00Z"), ..good.clone() }), SwapRefusal::TooLong);
    let stranger = refused(Swap { person: "mallory@example.com".to_owned(), ..good });
    assert!(stranger.hint().is_some_and(|hint| hint.contains("ada@example.com, bob@example.com")), "{stranger}");
}

#[test]
fn instants_are_written_as_people_write_them() {
    let new_york = zone("America/New_York");
    for (text, expected) in [
        ("2013-04-03", Some("2013-04-03T04:00:00Z")),
        (" 2013-04-03 09:00 ", Some("2013-04-03T13:00:00Z")),
        ("2013-04-03T09:00:00Z", Some("2013-04-03T09:00:00Z")),
        // The clocks leave it out, and show it twice.
        ("2013-03-10 02:30", Some("2013-03-10T07:30:00Z")),
        ("2013-11-03 01:30", Some("2013-11-03T05:30:00Z")),
        ("2013-04-31", None),
        ("Wednesday", None),
        ("", None),
    ] {
        assert_eq!(parse_instant(text, &new_york).map(|at| at.to_string()).as_deref(), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn shifts_follow_one_another_without_gap_and_in_turn(
        seconds in -2_000_000_000_i64..4_000_000_000,
        weekday in 1_i8..=7,
        minute in 0_i16..1440,
        people in 1_usize..5,
        zone_number in 0_usize..5,
    ) {
        let names = ["UTC", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia"];
        let zone = zone(names[zone_number]);
        let weekday = Weekday::from_monday_one_offset(weekday).expect("a weekday");
        let (hour, minute) = (i8::try_from(minute / 60).expect("small"), i8::try_from(minute % 60).expect("small"));
        let rota = rota(&["ada", "bob", "eve", "joe"][..people], weekday, hour, minute);
        let now = Timestamp::from_second(seconds).expect("an instant");
        let shift = shift_at(&rota, &zone, &[], now);
        prop_assert!(shift.from <= now && now < shift.until);
        let last = Timestamp::from_nanosecond(shift.until.as_nanosecond() - 1).expect("an instant");
        prop_assert_eq!(&shift_at(&rota, &zone, &[], last), &shift);
        let next = shift_after(&rota, &zone, &[], &shift);
        prop_assert_eq!(next.from, shift.until);
        let place = |person: &str| rota.people.iter().position(|one| one == person).expect("one of them");
        prop_assert_eq!(place(&next.person), (place(&shift.person) + 1) % people);
    }
}
