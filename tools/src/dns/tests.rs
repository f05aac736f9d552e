use super::*;
use hickory_proto::op::{Edns, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};

fn query(name: &str, kind: RecordType) -> Message {
    let mut query = Message::query();
    let mut name = Name::from_ascii(name).unwrap();
    name.set_fqdn(true);
    query.add_query(Query::query(name, kind));
    query
}

fn ask(server: &NameServer, query: &Message) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(WAIT)).unwrap();
    socket.send_to(&query.to_vec().unwrap(), server.addr()).unwrap();
    let mut answer = [0; 4096];
    let len = socket.recv(&mut answer).unwrap();
    let answer = Message::from_vec(&answer[..len]).unwrap();
    assert_eq!(answer.metadata.id, query.metadata.id);
    answer
}

fn ask_by_tcp(server: &NameServer, query: &Message) -> Message {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    let query = query.to_vec().unwrap();
    stream.write_all(&[&(query.len() as u16).to_be_bytes()[..], &query].concat()).unwrap();
    let mut len = [0; 2];
    stream.read_exact(&mut len).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(len))];
    stream.read_exact(&mut answer).unwrap();
    Message::from_vec(&answer).unwrap()
}

fn shown(answer: &Message) -> Vec<String> {
    answer.answers.iter().map(|record| format!("{} {} {}", record.name, record.ttl, record.data)).collect()
}

#[test]
fn a_name_has_the_records_that_were_set_last() {
    let server = NameServer::start();
    server.set("a.test", 30, &[Data::A([10, 0, 0, 1].into()), Data::Aaaa(Ipv6Addr::LOCALHOST)]);
    assert_eq!(shown(&ask(&server, &query("A.test", RecordType::A))), ["A.test. 30 10.0.0.1"]);
    assert_eq!(shown(&ask(&server, &query("a.test", RecordType::AAAA))), ["a.test. 30 ::1"]);
    server.set("a.test", 5, &[Data::A([10, 0, 0, 2].into())]);
    assert_eq!(shown(&ask(&server, &query("a.test", RecordType::A))), ["a.test. 5 10.0.0.2"]);
    assert_eq!(server.asked("a.test").len(), 3);
    assert_eq!(server.asked("a.test")[1], Asked { kind: "AAAA".into(), tcp: false });
    assert!(server.wait_asked("a.test", 3));
}

#[test]
fn an_alias_is_followed_and_shown() {
    let server = NameServer::start();
    server.set("a.test", 30, &[Data::Cname("b.test".into())]);
    server.set("b.test", 7, &[Data::A([10, 0, 0, 1].into())]);
    let answer = ask(&server, &query("a.test", RecordType::A));
    assert_eq!(shown(&answer), ["a.test. 30 b.test.", "b.test. 7 10.0.0.1"]);
}

#[test]
fn a_service_has_priority_weight_port_and_target() {
    let server = NameServer::start();
    server.set("_http._tcp.a.test", 30, &[Data::Srv(1, 2, 3, "b.test".into())]);
    let answer = ask(&server, &query("_http._tcp.a.test", RecordType::SRV));
    assert_eq!(shown(&answer), ["_http._tcp.a.test. 30 1 2 3 b.test."]);
}

#[test]
fn what_is_not_there_is_told_apart_from_what_has_no_such_record() {
    let server = NameServer::start();
    server.set("a.test", 30, &[Data::A([10, 0, 0, 1].into())]);
    let code = |name, kind| ask(&server, &query(name, kind)).metadata.response_code;
    assert_eq!(code("a.test", RecordType::AAAA), ResponseCode::NoError);
    assert_eq!(code("b.test", RecordType::A), ResponseCode::NXDomain);
    server.remove("a.test");
    assert_eq!(code("a.test", RecordType::A), ResponseCode::NXDomain);
    server.switch(Manner::Fail);
    assert_eq!(code("a.test", RecordType::A), ResponseCode::ServFail);
}

#[test]
fn an_answer_that_does_not_fit_is_truncated_and_whole_over_tcp() {
    let server = NameServer::start();
    let many: Vec<Data> = (0..200).map(|n| Data::A([10, 0, 0, n].into())).collect();
    server.set("a.test", 30, &many);
    let mut query = query("a.test", RecordType::A);
    for payload in [None, Some(1232)] {
        if let Some(payload) = payload {
            let mut edns = Edns::new();
            edns.set_max_payload(payload);
            query.set_edns(edns);
        }
        let answer = ask(&server, &query);
        assert!(answer.metadata.truncation && answer.answers.is_empty());
    }
    let answer = ask_by_tcp(&server, &query);
    assert_eq!((answer.metadata.truncation, answer.answers.len()), (false, 200));
    assert!(server.asked("a.test")[2].tcp);
}
