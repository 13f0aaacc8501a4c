use super::*;

#[test]
fn every_output_has_a_number_of_its_own_and_a_private_name() {
    for (at, output) in Output::ALL.into_iter().enumerate() {
        assert_eq!(output as usize, at);
        assert!(output.name().starts_with("~/"));
        let same = Output::ALL.iter().filter(|o| o.name() == output.name());
        assert_eq!(same.count(), 1);
    }
}

#[test]
fn a_header_is_written_over_the_one_before() {
    let mut header = Header::default();
    let stamp = crate::msg::Time { sec: 1, nanosec: 2 };
    for frame_id in ["a longer name", "camera"] {
        put(&mut header, HeaderRef { stamp, frame_id });
        assert_eq!((header.stamp, header.frame_id.as_str()), (stamp, frame_id));
    }
}
