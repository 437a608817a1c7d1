//! Serves a stream that starts disabled.

use std::time::Instant;

use router_server::{RouterServer, StreamOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    let started = Instant::now();
    let power_mw = move || 50.0 + started.elapsed().as_secs_f64().sin();
    server.add_stream_with("lamp.power_mw", 20.0, StreamOptions::default().disabled(), power_mw)?;

    println!("serving {}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
