use router_client::interface;

#[interface]
trait Stage {
    async fn settle(&self);
    unsafe fn raw(&self);
    extern "C" fn foreign(&self);
    fn generic<T>(&self, value: T);
    fn constant<const N: usize>(&self) -> [u8; N];
    fn lifetime<'a>(&'a self) -> &'a str;
    fn consumed(self);
    fn boxed(self: Box<Self>);
    fn open(port: u8);
    fn conditional(&self)
    where
        Self: Sized;
    fn never(&self) -> !;
}

struct Camera;

#[interface]
impl Camera {
    pub fn close(self) {}
}

fn main() {}
