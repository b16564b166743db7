use lionrocket_claude_wire::{SseError, SseEvent, SseLimits, SseParser};
use proptest::prelude::*;

fn parse(pieces: &[&[u8]], limits: SseLimits) -> (Vec<SseEvent>, Option<SseError>) {
    let mut parser = SseParser::new(limits);
    let mut events = Vec::new();
    for piece in pieces {
        parser.push(piece);
        loop {
            match parser.next_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
    }
    (events, None)
}

fn events(stream: &[u8]) -> Vec<SseEvent> {
    let (events, error) = parse(&[stream], SseLimits::default());
    assert_eq!(error, None);
    events
}

fn event(name: &str, data: &str) -> SseEvent {
    SseEvent {
        name: name.to_owned(),
        data: data.to_owned(),
    }
}

#[test]
fn every_kind_of_line_end_separates_events() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = format!("event: a{end}data: 1{end}{end}event: b{end}data: 2{end}{end}");
        assert_eq!(
            events(stream.as_bytes()),
            [event("a", "1"), event("b", "2")],
            "{end:?}"
        );
    }
}

#[test]
fn an_event_is_given_out_at_its_blank_line_even_when_a_line_feed_may_follow() {
    assert_eq!(events(b"data: 1\r\r"), [event("", "1")]);
    let (seen, _) = parse(
        &[b"data: 1\r\n\r", b"\ndata: 2\r\n\r\n"],
        SseLimits::default(),
    );
    assert_eq!(seen, [event("", "1"), event("", "2")]);
}

#[test]
fn comments_ids_unknown_fields_and_a_byte_order_mark_are_skipped() {
    let stream = "\u{feff}event: a\n: keep-alive\nid: 7\nretry: 10\nnews\ndata: 1\n\n:\n\n";
    assert_eq!(events(stream.as_bytes()), [event("a", "1")]);
}

#[test]
fn a_byte_order_mark_later_on_is_text() {
    assert_eq!(
        events("data: 1\n\ndata: \u{feff}2\n\n".as_bytes()),
        [event("", "1"), event("", "\u{feff}2")]
    );
}

#[test]
fn several_data_lines_are_joined_by_line_feeds() {
    assert_eq!(
        events(b"data: 1\ndata:2\ndata\ndata:  3\n\n"),
        [event("", "1\n2\n\n 3")]
    );
}

#[test]
fn an_event_without_data_is_dropped_with_its_name() {
    assert_eq!(events(b"event: a\n\ndata: 1\n\n"), [event("", "1")]);
}

#[test]
fn an_unfinished_event_is_never_given_out() {
    assert_eq!(events(b"data: 1\n\nevent: a\ndata: 2\n"), [event("", "1")]);
}

#[test]
fn a_line_over_its_limit_fails_even_before_it_ends_and_for_good() {
    let limits = SseLimits {
        max_line_bytes: 10,
        ..SseLimits::default()
    };
    let mut parser = SseParser::new(limits);
    parser.push(b"data: 1\n\ndata: 23456");
    assert_eq!(parser.next_event(), Ok(Some(event("", "1"))));
    assert_eq!(
        parser.next_event(),
        Err(SseError::LineTooLong { limit: 10 })
    );
    parser.push(b"\n\ndata: 3\n\n");
    assert_eq!(
        parser.next_event(),
        Err(SseError::LineTooLong { limit: 10 })
    );
}

#[test]
fn a_line_of_exactly_its_limit_passes() {
    let limits = SseLimits {
        max_line_bytes: 10,
        ..SseLimits::default()
    };
    let (seen, error) = parse(&[b"data: 2345\n\n"], limits);
    assert_eq!((seen.len(), error), (1, None));
}

#[test]
fn an_event_over_its_limit_fails() {
    let limits = SseLimits {
        max_event_bytes: 8,
        ..SseLimits::default()
    };
    let (seen, error) = parse(&[b"data: 1234\ndata: 5678\n\n"], limits);
    assert_eq!(seen, []);
    assert_eq!(error, Some(SseError::EventTooLarge { limit: 8 }));
}

#[test]
fn a_stream_over_its_limit_fails_after_the_events_before_it() {
    let limits = SseLimits {
        max_total_bytes: 12,
        ..SseLimits::default()
    };
    let (seen, error) = parse(&[b"data: 1\n\ndata: 2\n\n"], limits);
    assert_eq!(seen, [event("", "1")]);
    assert_eq!(error, Some(SseError::StreamTooLong { limit: 12 }));
}

#[test]
fn a_real_stream_cut_at_every_byte_gives_the_same_events() {
    let stream = "\u{feff}event: content_block_delta\r\n: 등대\r\ndata: {\"text\":\"등대에 온 걸 🦁\"}\r\n\r\n\
                  event: ping\rdata: {}\r\revent: message_stop\ndata: {}\n\n"
        .as_bytes();
    let whole = events(stream);
    assert_eq!(whole.len(), 3);
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        assert_eq!(
            parse(&[head, tail], SseLimits::default()).0,
            whole,
            "cut at {cut}"
        );
    }
    let single: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(parse(&single, SseLimits::default()).0, whole);
}

/// Text that looks like a stream often enough to reach every branch.
fn streams() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop_oneof![
        Just(b"data: ".to_vec()),
        Just(b"event: x".to_vec()),
        Just(b": note".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"\r\n".to_vec()),
        Just("등대 🦁".as_bytes().to_vec()),
        Just(b"\xEF\xBB\xBF".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn cutting_a_stream_anywhere_changes_nothing(
        stream in streams(), size in 1_usize..9, line in 4_usize..64, data in 4_usize..64, total in 4_usize..400,
    ) {
        let limits = SseLimits { max_line_bytes: line, max_event_bytes: data, max_total_bytes: total };
        let whole = parse(&[&stream], limits);
        let pieces: Vec<&[u8]> = stream.chunks(size).collect();
        prop_assert_eq!(parse(&pieces, limits), whole);
    }

    #[test]
    fn arbitrary_bytes_never_panic(stream in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let _ = parse(&[&stream], SseLimits::default());
    }
}
