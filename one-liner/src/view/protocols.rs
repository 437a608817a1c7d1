//! Pictures of real pixels, in terminals that take them: kitty's protocol and iTerm's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use router_frame::{Frame, FrameInfo, PixelFormat};

use crate::picture_file::{self, Scale};
use crate::view::picture::Picture;

/// Longest piece of a picture that kitty takes at once [bytes of base64].
const PIECE_BYTES: usize = 4096;

/// A picture over `columns` by `rows` characters from where the cursor is, in place of the one before.
/// Source: <https://sw.kovidgoyal.net/kitty/graphics-protocol/>.
pub(crate) fn kitty(picture: &Picture, columns: usize, rows: usize) -> String {
    let (height, width) = (picture.height, picture.width);
    let data = BASE64.encode(&picture.rgb);
    let pieces = data.as_bytes().chunks(PIECE_BYTES).map(String::from_utf8_lossy);
    let last = data.len().div_ceil(PIECE_BYTES).max(1) - 1;
    let piece = |(index, piece): (usize, std::borrow::Cow<'_, str>)| {
        let more = u8::from(index < last);
        match index {
            // q=2: it says nothing back; C=1: the cursor stays; i and p: this picture and this place, again.
            0 => format!(
                "\x1b_Ga=T,f=24,s={width},v={height},i=1,p=1,c={columns},r={rows},C=1,q=2,m={more};{piece}\x1b\\"
            ),
            _ => format!("\x1b_Gm={more};{piece}\x1b\\"),
        }
    };
    pieces.enumerate().map(piece).collect()
}

/// Takes kitty's pictures away.
pub(crate) const KITTY_CLEAR: &str = "\x1b_Ga=d,d=A,q=2\x1b\\";

/// A picture over `columns` by `rows` characters from where the cursor is.
/// Source: <https://iterm2.com/documentation-images.html>.
///
/// # Errors
/// A text for people, when it cannot be encoded.
pub(crate) fn iterm(picture: &Picture, columns: usize, rows: usize) -> Result<String, String> {
    let info = FrameInfo::new(PixelFormat::Rgb8, picture.height as u32, picture.width as u32);
    let frame = Frame::copy_from(&info, &picture.rgb).map_err(|error| error.to_string())?;
    let png = picture_file::as_png(&frame, &[], Scale::AsTheyAre)?;
    let (size, data) = (png.len(), BASE64.encode(png));
    Ok(format!(
        "\x1b]1337;File=inline=1;size={size};width={columns};height={rows};preserveAspectRatio=1;doNotMoveCursor=1:{data}\x07"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(height: usize, width: usize) -> Picture {
        Picture { height, width, rgb: (0..height * width * 3).map(|byte| byte as u8).collect() }
    }

    #[test]
    fn kitty_gets_all_bytes_in_pieces_that_it_takes() {
        let picture = picture(40, 50);
        let text = kitty(&picture, 20, 10);
        let pieces: Vec<_> = text.split_terminator("\x1b\\").collect();
        assert_eq!(pieces.len(), (40_usize * 50 * 3).div_ceil(3) * 4 / PIECE_BYTES + 1);
        assert!(pieces[0].starts_with("\x1b_Ga=T,f=24,s=50,v=40,i=1,p=1,c=20,r=10,C=1,q=2,m=1;"));
        assert!(pieces[pieces.len() - 1].starts_with("\x1b_Gm=0;"));
        let data: String = pieces.iter().map(|piece| piece.split_once(';').unwrap().1).collect();
        assert!(pieces.iter().all(|piece| piece.split_once(';').unwrap().1.len() <= PIECE_BYTES));
        assert_eq!(BASE64.decode(data).unwrap(), picture.rgb);
        assert!(kitty(&self::picture(1, 1), 1, 1).contains(",m=0;"));
    }

    #[test]
    fn iterm_gets_a_png() {
        let text = iterm(&picture(2, 3), 4, 5).unwrap();
        let (head, data) = text.trim_end_matches('\x07').split_once(':').unwrap();
        let file = BASE64.decode(data).unwrap();
        assert!(head.contains(&format!("size={};width=4;height=5;", file.len())), "{head}");
        let reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        assert_eq!((reader.info().height, reader.info().width), (2, 3));
    }
}
