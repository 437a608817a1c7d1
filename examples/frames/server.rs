//! A camera's driver that fills frames in place.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use router_frame::{Frame, FrameInfo, FrameWriter, PixelFormat};
use router_server::{Publisher, RouterServer, StreamOptions};

const HEIGHT: u32 = 600;
const WIDTH: u32 = 800;
/// How far the light of the spot reaches [pixels].
const REACH: i64 = 20;

/// What a camera's library does: it writes an exposure, a spot in the dark, to where it is told.
fn expose(number: u64, pixels: &mut [u16]) {
    pixels.fill(100);
    let centre = (i64::from(HEIGHT) / 2, REACH + (number % 700) as i64);
    for row in -REACH..=REACH {
        for column in -REACH..=REACH {
            let brightness = 4095.0 * (-((row * row + column * column) as f64) / 50.0).exp();
            let at = (centre.0 + row) * i64::from(WIDTH) + centre.1 + column;
            pixels[at as usize] = pixels[at as usize].max(brightness as u16);
        }
    }
}

/// Publishes until told otherwise.
fn acquire(
    mut frames: Publisher<Frame>,
    info: &FrameInfo,
    ended: &AtomicBool,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut writer, started) = (FrameWriter::new(), Instant::now());
    for number in 0.. {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        let mut open = writer.begin(info)?; // memory of an older frame that nobody holds any more
        expose(number, open.elements_mut()?);
        open.set_frame_counter(number);
        open.set_hardware_time_ns(started.elapsed().as_nanos() as u64);
        frames.publish(&open.finish()?)?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "tcp://127.0.0.1".to_owned());
    let server = RouterServer::bind(&address)?;
    let info = FrameInfo { exposure_s: Some(0.01), ..FrameInfo::new(PixelFormat::Mono12, HEIGHT, WIDTH) };
    // `one-liner describe camera.frame` tells format and shape.
    let options = StreamOptions::new().docs("A spot that wanders.").schema(info.schema());
    let frames = server.add_publisher_with::<Frame>("camera.frame", info.payload_bytes()?, options)?;
    let ended = AtomicBool::new(false);

    std::thread::scope(|threads| {
        threads.spawn(|| acquire(frames, &info, &ended));
        println!("serving {}; Enter ends it", server.endpoints().calls);
        let entered = std::io::stdin().read_line(&mut String::new());
        ended.store(true, Ordering::Relaxed);
        entered
    })?;
    println!("{}", server.stop());
    Ok(())
}
