use super::*;

#[test]
fn a_body_is_given_in_its_data() {
    let mut chunked = Chunked::new(ChunkLimits::default());
    let input = b"3;a=b\r\nabc\r\n0\r\nX-A: b\r\n\r\nnext";
    assert_eq!(chunked.step(input), Ok(Step::Data { skip: 7, len: 3 }));
    assert_eq!(chunked.step(&input[10..]), Ok(Step::End { used: 15 }));
    assert_eq!(chunked.trailers(), b"X-A: b\r\n");
}
