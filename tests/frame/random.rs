//! Whatever comes, nothing panics.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn raw_bytes_of_any_size_never_panic(
        encoding in (0..Encoding::ALL.len()).prop_map(|i| Encoding::ALL[i].to_string()),
        width in 0u32..20, height in 0u32..20, pad in 0u32..5, is_bigendian: bool,
        exact in proptest::bool::weighted(0.8), data in proptest::collection::vec(any::<u8>(), 2400),
    ) {
        let step = width * 4 + pad;
        let rows = if encoding.starts_with("nv") { height + height / 2 } else { height };
        let len = if exact { (step * rows) as usize } else { data.len() };
        let data = &data[..len.min(data.len())];
        let view = ImageView { is_bigendian, ..view(&encoding, (width, height), step, data) };
        if let Ok(frame) = decode(view) {
            prop_assert_eq!(frame.pixels().len(), (width * height * 3) as usize);
        }
    }

    #[test]
    fn any_claim_about_any_bytes_never_panics(
        encoding in "[a-z0-9_]{0,12}", width: u32, height: u32, step: u32,
        data in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let _ = decode(view(&encoding, (width, height), step, &data));
        let _ = decode(view("nv12", (width & !1, height & !1), step, &data));
    }

    #[test]
    fn damaged_jpeg_and_png_never_panic(
        hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        is_png: bool, grey: bool,
    ) {
        let mut file = if is_png {
            png_of(png::ColorType::Rgb, png::BitDepth::Eight, &[], &[1, 2, 3, 4, 5, 6])
        } else {
            jpeg(grey)
        };
        for (at, value) in hits {
            let at = at.index(file.len());
            file[at] = value;
        }
        let _ = decode_file(&file, "x");
    }
}
