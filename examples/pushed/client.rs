//! Receives five pictures, and sees that none is missing between them.

use std::time::Duration;

use router_client::RouterClient;
use router_frame::Frame;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let client = RouterClient::connect(&address)?;
    let frames = client.subscribe::<Frame>("camera.frame").queue(100)?;

    let first = frames.recv_timeout(Duration::from_secs(10))?;
    println!("{}", first.value.shape_text());
    let mut previous = first;
    for _ in 0..4 {
        let frame = frames.recv_timeout(Duration::from_secs(10))?;
        assert_eq!(frame.sequence, previous.sequence + 1, "a picture is missing");
        let (value, before) = (frame.value.pixels()[0], previous.value.pixels()[0]);
        assert_eq!(value, before.wrapping_add(1), "a wrong picture");
        previous = frame;
    }
    println!("5 pictures, none missing between them");
    Ok(())
}
