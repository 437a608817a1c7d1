//! Serves to other PCs, if the address says so.

use std::time::Instant;

use router_server::{Reach, RouterServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://*".to_owned());
    let server = RouterServer::bind(&address)?;
    let started = Instant::now();
    server.add_stream("uptime_s", 10.0, move || started.elapsed().as_secs_f64())?;

    let who = match server.reach() {
        Reach::ThisPc => "this PC only",
        Reach::Network => "everybody on its networks",
    };
    println!("serving {} to {who}; Enter ends it", server.endpoints().calls);
    std::io::stdin().read_line(&mut String::new())?;
    println!("{}", server.stop());
    Ok(())
}
