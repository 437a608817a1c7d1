//! Streams sines at three frequencies, and one whose function takes its time.

use std::time::{Duration, Instant};

use router_server::RouterServer;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    let started = Instant::now();
    let sine = move || started.elapsed().as_secs_f64().sin();
    server.add_stream("sine_1_hz", 1.0, sine)?;
    server.add_stream("sine_10_hz", 10.0, sine)?;
    server.add_stream("sine_100_hz", 100.0, sine)?;
    let read_slowly = move || {
        std::thread::sleep(Duration::from_millis(20)); // a device that takes 20 ms to answer
        sine()
    };
    server.add_stream("slow_10_hz", 10.0, read_slowly)?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
