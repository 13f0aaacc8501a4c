use super::*;

/// Field 1 = 150 written in one byte more than it needs, field 2 = "hi", field 3 fixed 64,
/// field 15 fixed 32, field 16 = -1.
const ODD: &[u8] = &[
    0x08, 0x96, 0x81, 0x00, 0x12, 2, b'h', b'i', 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x7d, 0, 0, 0x80,
    0x3f, 0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
];

#[test]
fn reads_every_kind_of_field() {
    let message = Message::read(ODD).unwrap();
    assert_eq!(message.int(1), Ok(150));
    assert_eq!(message.text(2), Ok("hi"));
    assert_eq!(message.floats(15), Ok(vec![1.0]));
    assert_eq!(message.int(16), Ok(-1));
    assert_eq!(message.int(9), Ok(0));
    assert_eq!(message.text(9), Ok(""));
    assert_eq!(message.int(2), Err(WireError::Kind { number: 2 }));
}

#[test]
fn what_is_not_edited_is_written_byte_for_byte() {
    let mut message = Message::read(ODD).unwrap();
    assert_eq!(message.write(), ODD);
    message.set(Field::text(2, "ho"));
    let mut expected = ODD.to_vec();
    expected[7] = b'o';
    assert_eq!(message.write(), expected);
    message.set(Field::int(17, 300));
    expected.extend([0x88, 0x01, 0xac, 0x02]);
    assert_eq!(message.write(), expected);
}

#[test]
fn repeated_numbers_may_be_packed_or_not_or_both() {
    let bytes = [0x08, 5, 0x0a, 3, 0x96, 0x01, 7];
    assert_eq!(Message::read(&bytes).unwrap().ints(1), Ok(vec![5, 150, 7]));
    let bytes = [0x0d, 0, 0, 0, 0x40, 0x0a, 4, 0, 0, 0x80, 0x3f];
    assert_eq!(Message::read(&bytes).unwrap().floats(1), Ok(vec![2.0, 1.0]));
}

#[test]
fn says_what_is_no_message() {
    let cases: [(&[u8], WireError); 8] = [
        (&[0x08], WireError::Truncated { at: 1 }),
        (&[0x08, 1, 0x12, 3, 1], WireError::Truncated { at: 2 }),
        (
            &[0x12, 0xff, 0xff, 0xff, 0xff, 0x0f],
            WireError::Truncated { at: 0 },
        ),
        (&[0x19, 1], WireError::Truncated { at: 0 }),
        (&[0x0d, 1], WireError::Truncated { at: 0 }),
        (
            &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2],
            WireError::Overlong { at: 1 },
        ),
        (&[0x0b], WireError::Tag { at: 0, tag: 11 }),
        (&[0x00, 1], WireError::Tag { at: 0, tag: 0 }),
    ];
    for (bytes, error) in cases {
        assert_eq!(Message::read(bytes), Err(error), "{bytes:?}");
    }
    let twice = Message::read(&[0x08, 1, 0x08, 2]).unwrap();
    assert_eq!(twice.int(1), Err(WireError::Repeated { number: 1 }));
    let text = Message::read(&[0x12, 1, 0xff]).unwrap();
    assert_eq!(text.text(2), Err(WireError::Utf8 { number: 2 }));
}
