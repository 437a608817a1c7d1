//! Raw libzmq that answers: a ROUTER that echoes, one that hands over to a worker thread, and `zmq_proxy` before them.

use router_socket::{Context, Frame, PollEntry, Socket, SocketKind, mailbox};

use crate::{Outcome, child};

/// Most messages that are taken before answers are looked for.
const BURST: usize = 1000;

/// A ROUTER that sends back what it gets, in one thread that waits in `zmq_msg_recv`.
pub(crate) fn echo(address: &str) -> Outcome {
    let router = zmq::Context::new().socket(zmq::ROUTER)?;
    router.bind(address)?;
    child::end_with_input();
    child::say_ready(&last_endpoint(&router)?);
    echo_with(&router)
}

/// Sends back what comes, for ever.
pub(crate) fn echo_with(router: &zmq::Socket) -> Outcome {
    loop {
        let more = router.recv_msg(0)?;
        let flags = if more.get_more() { zmq::SNDMORE } else { 0 };
        router.send(more, flags)?;
    }
}

/// A ROUTER whose thread hands each request over a crossbeam channel to a worker thread, which echoes it; an eventfd
/// wakes the thread's poll for the answers.
pub(crate) fn worker(address: &str) -> Outcome {
    let context = Context::new(1)?;
    let mut router = context.socket(SocketKind::Router)?;
    let endpoint = router.bind(&address.parse()?)?;
    let (answers, mut answered) = mailbox::<Vec<Frame>>(&context, None)?;
    let (requests, requested) = crossbeam_channel::unbounded::<Vec<Frame>>();
    std::thread::spawn(move || {
        while let Ok(frames) = requested.recv() {
            if answers.post(frames).is_err() {
                return;
            }
        }
    });
    child::end_with_input();
    child::say_ready(&endpoint.to_string());
    loop {
        for _ in 0..BURST {
            let mut frames = Vec::with_capacity(2);
            if !router.try_recv_message(&mut frames)? {
                break;
            }
            requests.send(frames)?;
        }
        while let Some(frames) = answered.try_take() {
            send(&mut router, frames)?;
        }
        answered.poll(&mut [PollEntry::readable(&router)], None)?;
    }
}

fn send(router: &mut Socket, frames: Vec<Frame>) -> Outcome {
    let count = frames.len();
    for (index, frame) in frames.into_iter().enumerate() {
        router.try_send(frame, index + 1 < count)?;
    }
    Ok(())
}

/// `zmq_proxy` from a ROUTER to a DEALER that connects to `back`.
pub(crate) fn proxy(front: &str, back: &str) -> Outcome {
    let context = zmq::Context::new();
    let (router, dealer) = (context.socket(zmq::ROUTER)?, context.socket(zmq::DEALER)?);
    router.bind(front)?;
    dealer.connect(back)?;
    child::end_with_input();
    child::say_ready(&last_endpoint(&router)?);
    Ok(zmq::proxy(&router, &dealer)?)
}

/// Where a socket listens, with the port that `*` became.
pub(crate) fn last_endpoint(socket: &zmq::Socket) -> Outcome<String> {
    Ok(socket.get_last_endpoint()?.map_err(|_| "an endpoint that is no text")?)
}
