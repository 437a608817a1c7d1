//! How fast two machines are with each other: `speedtest send` on one, `speedtest recv` on the other.

mod recv;
mod send;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (addresses, mode): (Vec<&str>, Vec<&str>) =
        words.iter().map(String::as_str).partition(|word| word.contains("://"));
    match (&mode[..], &addresses[..]) {
        (["send"], []) => send::run("tcp://*"),
        (["send"], [address]) => send::run(address),
        (["recv", sizes @ ..], [address]) => recv::run(address, sizes),
        _ => {
            Err("speedtest send [ADDRESS] on one machine, speedtest recv ADDRESS [quick] on the other".into())
        }
    }
}
