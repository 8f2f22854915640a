//! The whole document around a machine-readable zone, as if seen from directly above.
//!
//! The zone has a standard place on a document of standard size, and its characters have a standard
//! pitch. So the corners of its lines tell where the document lies: see [`Sheet`].

use crate::Gray;

/// A point `[x, y]`: pixels of a picture, or millimetres from the top left of a document.
pub type Point = [f64; 2];

/// Advance of the characters of a zone in millimetres: ten an inch (Doc 9303-3, 4.4).
const PITCH: f64 = 2.54;
/// Heights of the lines' centres above the lower edge, in millimetres, the upper line first. Scans
/// of specimens from several states agree within a millimetre.
const TWO_LINES: &[f64] = &[15.75, 9.4];
/// The same for three lines.
const THREE_LINES: &[f64] = &[15.6, 11.4, 7.2];
/// Maximum width of a straightened document, in pixels.
pub const MAX_ACROSS: u32 = 2000;
/// Terms of a [`Homography`], of which the last is 1.
const UNKNOWNS: usize = 8;

/// A rectangle on a document in millimetres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Area {
    /// Distance of its left edge from that of the document.
    pub left: f64,
    /// Distance of its top edge from that of the document.
    pub top: f64,
    /// From left to right.
    pub width: f64,
    /// From top to bottom.
    pub height: f64,
}

/// The standard size of a document, and the places of zone and portrait on the side of the zone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sheet {
    /// Name of the format, as readings have it.
    pub format: &'static str,
    /// From left to right in millimetres.
    pub width: f64,
    /// From top to bottom in millimetres.
    pub height: f64,
    /// Distance of the first character from the left edge in millimetres.
    left: f64,
    /// Characters of a line.
    characters: f64,
    /// Heights of the lines' centres above the lower edge in millimetres, the upper line first.
    lines: &'static [f64],
    /// Where the portrait is: Zone V of the standard, at its full height between header and zone.
    /// `None` where no standard has it on this side.
    pub portrait: Option<Area>,
}

const TD2: Sheet = Sheet {
    format: "TD2",
    width: 105.0,
    height: 74.0,
    left: 4.0,
    characters: 36.0,
    lines: TWO_LINES,
    portrait: Some(Area { left: 2.0, top: 11.0, width: 35.0, height: 39.8 }),
};
const TD3: Sheet = Sheet {
    format: "TD3",
    width: 125.0,
    height: 88.0,
    left: 6.0,
    characters: 44.0,
    lines: TWO_LINES,
    portrait: Some(Area { left: 2.0, top: 17.9, width: 37.0, height: 46.9 }),
};

/// Documents of standard size (Doc 9303-4 to -7). The old French card has the size of TD2, and no
/// standard says where its portrait is; visas may have none. The portrait of TD1 is on the other
/// side.
pub const SHEETS: [Sheet; 6] = [
    Sheet {
        format: "TD1",
        width: 85.6,
        height: 53.98,
        left: 5.0,
        characters: 30.0,
        lines: THREE_LINES,
        portrait: None,
    },
    TD2,
    TD3,
    Sheet { format: "MRVA", width: 120.0, height: 80.0, portrait: None, ..TD3 },
    Sheet { format: "MRVB", portrait: None, ..TD2 },
    Sheet { format: "FRA36", portrait: None, ..TD2 },
];

impl Sheet {
    /// The sheet of a format; `None` for documents without a standard size or place of the zone.
    #[must_use]
    pub fn of(format: &str) -> Option<&'static Self> {
        SHEETS.iter().find(|sheet| sheet.format == format)
    }

    /// The whole sheet.
    #[must_use]
    pub fn whole(&self) -> Area {
        Area { left: 0.0, top: 0.0, width: self.width, height: self.height }
    }

    /// Finds how the sheet lies in a picture. `lines` are the corners of the zone's lines in
    /// pixels, clockwise from the top left of the text, the upper line first. `None` if there are
    /// more or fewer lines than the format has, or if no flat sheet looks like this.
    #[must_use]
    pub fn place(&self, lines: &[[Point; 4]]) -> Option<Placed> {
        if lines.len() != self.lines.len() {
            return None;
        }
        let right = self.left + PITCH * self.characters;
        let pairs = lines.iter().zip(self.lines).flat_map(|(corners, above)| {
            let [top_left, top_right, bottom_right, bottom_left] = *corners;
            let y = self.height - above;
            [
                ([self.left, y], middle(top_left, bottom_left)),
                ([right, y], middle(top_right, bottom_right)),
            ]
        });
        let placed = Placed { map: Homography::through(&pairs.collect::<Vec<_>>())? };
        // All of it lies before the camera.
        self.whole()
            .corners()
            .iter()
            .all(|&corner| placed.map.depth(corner) > 0.0)
            .then_some(placed)
    }
}

impl Area {
    /// Its corners, clockwise from the top left.
    #[must_use]
    pub fn corners(&self) -> [Point; 4] {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        [[self.left, self.top], [right, self.top], [right, bottom], [self.left, bottom]]
    }
}

fn middle(a: Point, b: Point) -> Point {
    [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]
}

fn distance(a: Point, b: Point) -> f64 {
    let (x, y) = (a[0] - b[0], a[1] - b[1]);
    (x * x + y * y).sqrt()
}

/// A sheet that was found in a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Placed {
    map: Homography,
}

/// A part of a document, as if seen from directly above.
#[derive(Debug, Clone, PartialEq)]
pub struct Straight {
    /// Its pixels; white where the picture does not show it.
    pub picture: Gray,
    /// Share of it that lies outside the picture, 0 to 1.
    pub outside: f64,
}

impl Placed {
    /// The corners of an area in pixels of the picture, clockwise from the top left. They may lie
    /// outside it.
    #[must_use]
    pub fn quad(&self, area: Area) -> [Point; 4] {
        area.corners().map(|corner| self.map.at(corner))
    }

    /// Cuts an area out of the picture. It gets as many pixels as its longest edges have there, but
    /// no more than [`MAX_ACROSS`] from left to right. `None` if it has less than a pixel, or
    /// [`MAX_ACROSS`] pixels a millimetre and more.
    #[must_use]
    pub fn cut(&self, picture: &Gray, area: Area) -> Option<Straight> {
        let [a, b, c, d] = self.quad(area);
        let across = distance(a, b).max(distance(d, c));
        let down = distance(a, d).max(distance(b, c));
        let scale = (across / area.width).max(down / area.height);
        // Corners that are no numbers give no scale; one this large would enlarge a single pixel.
        if !(scale > 0.0 && scale < f64::from(MAX_ACROSS)) {
            return None;
        }
        let scale = scale.min(f64::from(MAX_ACROSS) / area.width);
        let (width, height) = (whole(area.width * scale), whole(area.height * scale));
        if width == 0 || height == 0 {
            return None;
        }
        let mut pixels = Vec::new();
        let mut outside = 0u32;
        for y in 0..height {
            for x in 0..width {
                let place = [
                    area.left + (f64::from(x) + 0.5) / f64::from(width) * area.width,
                    area.top + (f64::from(y) + 0.5) / f64::from(height) * area.height,
                ];
                let pixel = sample(picture, self.map.at(place));
                outside += u32::from(pixel.is_none());
                pixels.push(pixel.unwrap_or(u8::MAX));
            }
        }
        let share = f64::from(outside) / (f64::from(width) * f64::from(height));
        let picture =
            Gray::new(usize::try_from(width).ok()?, usize::try_from(height).ok()?, pixels)?;
        Some(Straight { picture, outside: share })
    }
}

/// The nearest whole number of pixels; `value` is neither negative nor beyond [`MAX_ACROSS`]
/// squared.
fn whole(value: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "no more than a few thousand, and not negative"
    )]
    let rounded = (value + 0.5) as u32;
    rounded
}

/// The gray between the four pixels around a place; `None` outside the picture. The centre of the
/// first pixel is at (0.5, 0.5).
fn sample(picture: &Gray, [x, y]: Point) -> Option<u8> {
    let sides = [picture.width(), picture.height()].map(|side| u32::try_from(side).ok());
    let [Some(width), Some(height)] = sides else { return None };
    if !(x >= 0.0 && y >= 0.0 && x < f64::from(width) && y < f64::from(height)) {
        return None;
    }
    let (left, right, across) = between(x, width);
    let (top, bottom, down) = between(y, height);
    let gray = |x: usize, y: usize| f64::from(picture.row(y)[x]);
    let upper = gray(left, top) + (gray(right, top) - gray(left, top)) * across;
    let lower = gray(left, bottom) + (gray(right, bottom) - gray(left, bottom)) * across;
    u8::try_from(whole(upper + (lower - upper) * down)).ok()
}

/// The pixels before and after a place along a side, and how far the place is from the first to the
/// second, 0 to 1.
fn between(place: f64, side: u32) -> (usize, usize, f64) {
    let from_centre = (place - 0.5).max(0.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the side of a picture"
    )]
    let first = from_centre as usize;
    let last = usize::try_from(side).unwrap_or(usize::MAX) - 1;
    let part = from_centre - from_centre.floor();
    (first.min(last), (first + 1).min(last), part)
}

/// A map from a plane to a picture, as a camera without distortion makes it: `(x, y, 1)` times the
/// matrix is `(u, v, 1)` times the depth.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Homography {
    rows: [[f64; 3]; 3],
}

impl Homography {
    /// The map that leads from the first point of each pair to the second, by least squares if
    /// there are more than four pairs. `None` if they do not determine one.
    fn through(pairs: &[(Point, Point)]) -> Option<Self> {
        // Coordinates are brought to around 1, so that no sum outweighs the others.
        let plane = Frame::around(pairs.iter().map(|pair| pair.0));
        let picture = Frame::around(pairs.iter().map(|pair| pair.1));
        let mut system = [[0.0; UNKNOWNS + 1]; UNKNOWNS];
        for &(from, to) in pairs {
            let ([x, y], [u, v]) = (plane.inward(from), picture.inward(to));
            for row in [
                [x, y, 1.0, 0.0, 0.0, 0.0, -u * x, -u * y, u],
                [0.0, 0.0, 0.0, x, y, 1.0, -v * x, -v * y, v],
            ] {
                for (line, &factor) in system.iter_mut().zip(&row) {
                    for (sum, &term) in line.iter_mut().zip(&row) {
                        *sum += factor * term;
                    }
                }
            }
        }
        let [a, b, c, d, e, f, g, h] = solved(system)?;
        let inner = [[a, b, c], [d, e, f], [g, h, 1.0]];
        let ([px, py], [ux, uy]) = (plane.origin, picture.origin);
        let inward = [
            [1.0 / plane.scale, 0.0, -px / plane.scale],
            [0.0, 1.0 / plane.scale, -py / plane.scale],
            [0.0, 0.0, 1.0],
        ];
        let outward = [[picture.scale, 0.0, ux], [0.0, picture.scale, uy], [0.0, 0.0, 1.0]];
        Some(Self { rows: product(outward, product(inner, inward)) })
    }

    /// The distance of a point from the camera, as a multiple of that of the mean of the points
    /// that determined the map.
    fn depth(&self, [x, y]: Point) -> f64 {
        let [g, h, i] = self.rows[2];
        g * x + h * y + i
    }

    fn at(&self, [x, y]: Point) -> Point {
        let [[a, b, c], [d, e, f], _] = self.rows;
        let depth = self.depth([x, y]);
        [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth]
    }
}

fn product(left: [[f64; 3]; 3], right: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    left.map(|row| {
        std::array::from_fn(|column| {
            row[0] * right[0][column] + row[1] * right[1][column] + row[2] * right[2][column]
        })
    })
}

/// Where some points lie: their mean, and how far they are from it.
struct Frame {
    origin: Point,
    scale: f64,
}

impl Frame {
    fn around(points: impl Iterator<Item = Point> + Clone) -> Self {
        let mean = |value: &dyn Fn(Point) -> f64| {
            let (sum, count) = points
                .clone()
                .fold((0.0, 0.0), |(sum, count), point| (sum + value(point), count + 1.0));
            sum / count
        };
        let origin = [mean(&|[x, _]| x), mean(&|[_, y]| y)];
        Self { origin, scale: mean(&|point| distance(point, origin)) }
    }

    fn inward(&self, [x, y]: Point) -> Point {
        [(x - self.origin[0]) / self.scale, (y - self.origin[1]) / self.scale]
    }
}

/// Solves a system of equations, the last column being the right side, by elimination. `None` if it
/// has no single solution.
fn solved(mut system: [[f64; UNKNOWNS + 1]; UNKNOWNS]) -> Option<[f64; UNKNOWNS]> {
    for column in 0..UNKNOWNS {
        let size = |row: &usize| system[*row][column].abs();
        let pivot = (column..UNKNOWNS).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        system.swap(column, pivot);
        let head = system[column];
        if head[column].is_nan() || head[column].abs() <= 1e-12 {
            return None;
        }
        for (row, line) in system.iter_mut().enumerate() {
            if row == column {
                continue;
            }
            let factor = line[column] / head[column];
            for (value, &above) in line.iter_mut().zip(&head) {
                *value -= factor * above;
            }
        }
    }
    Some(std::array::from_fn(|row| system[row][UNKNOWNS] / system[row][row]))
}

#[cfg(test)]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "pictures of a thousand pixels"
)]
mod tests {
    use super::*;

    /// A camera that sees a sheet turned, tilted and in perspective: millimetres to pixels.
    const CAMERA: Homography =
        Homography { rows: [[6.8, -1.1, 210.0], [0.9, 7.2, 95.0], [0.0009, 0.0014, 1.0]] };

    /// The corners of the lines of a zone as the camera sees them, moved by `shift` pixels in turn.
    fn lines(sheet: &Sheet, camera: Homography, shift: f64) -> Vec<[Point; 4]> {
        let right = sheet.left + PITCH * sheet.characters;
        let mut sign = 1.0;
        sheet
            .lines
            .iter()
            .map(|above| {
                let (top, bottom) = (sheet.height - above - 1.7, sheet.height - above + 1.7);
                [[sheet.left, top], [right, top], [right, bottom], [sheet.left, bottom]].map(
                    |corner| {
                        sign = -sign;
                        let [x, y] = camera.at(corner);
                        [x, y + sign * shift]
                    },
                )
            })
            .collect()
    }

    /// The greatest distance between corners, in pixels.
    fn error(found: [Point; 4], truth: [Point; 4]) -> f64 {
        found.iter().zip(truth).map(|(&a, b)| distance(a, b)).fold(0.0, f64::max)
    }

    #[test]
    fn a_sheet_is_found_where_it_lies() {
        for sheet in &SHEETS {
            let placed = sheet.place(&lines(sheet, CAMERA, 0.0)).expect("a sheet");
            for area in [Some(sheet.whole()), sheet.portrait].into_iter().flatten() {
                let truth = area.corners().map(|corner| CAMERA.at(corner));
                // In perspective, the middle of an edge is not quite the middle of the line.
                let error = error(placed.quad(area), truth);
                assert!(error < 1.0, "{}: {error}", sheet.format);
            }
        }
    }

    #[test]
    fn corners_that_are_a_little_wrong_move_the_sheet_a_little() {
        for sheet in &SHEETS {
            let placed = sheet.place(&lines(sheet, CAMERA, 0.3)).expect("a sheet");
            let truth = sheet.whole().corners().map(|corner| CAMERA.at(corner));
            let error = error(placed.quad(sheet.whole()), truth);
            assert!(error > 0.01 && error < 8.0, "{}: {error}", sheet.format);
        }
    }

    #[test]
    fn what_is_no_sheet_is_none() {
        let td3 = Sheet::of("TD3").expect("a standard format");
        let good = lines(td3, CAMERA, 0.0);
        assert!(td3.place(&good[..1]).is_none(), "a line is missing");
        assert!(td3.place(&[good[0], good[0]]).is_none(), "twice the same line");
        assert!(td3.place(&[[[f64::NAN; 2]; 4]; 2]).is_none());
        assert!(td3.place(&[[[3.0; 2]; 4]; 2]).is_none());
        // So steep that the upper edge would be behind the camera.
        let steep = Homography { rows: [[7.0, 0.0, 0.0], [0.0, 7.0, 0.0], [0.0, 0.02, -0.9]] };
        assert!(td3.place(&lines(td3, steep, 0.0)).is_none());
        assert!(Sheet::of("D1FRA").is_none() && Sheet::of("").is_none());
    }

    /// A picture of a sheet with a square of five millimetres in each corner, and gray elsewhere.
    fn photograph(sheet: &Sheet, camera: Homography, width: u32, height: u32) -> Gray {
        let (columns, rows) = (0..width, 0..height);
        let back =
            Homography::through(&sheet.whole().corners().map(|corner| (camera.at(corner), corner)))
                .expect("the camera's map turned round");
        let pixels = rows.flat_map(|y| {
            columns.clone().map(move |x| {
                let [x, y] = back.at([f64::from(x) + 0.5, f64::from(y) + 0.5]);
                let inside = x >= 0.0 && y >= 0.0 && x < sheet.width && y < sheet.height;
                let corner = x.min(sheet.width - x) < 5.0 && y.min(sheet.height - y) < 5.0;
                if !inside {
                    120
                } else if corner {
                    0
                } else {
                    200
                }
            })
        });
        Gray::new(width as usize, height as usize, pixels.collect()).expect("all pixels")
    }

    #[test]
    fn a_document_is_cut_out_straight() {
        let td2 = Sheet::of("TD2").expect("a standard format");
        let picture = photograph(td2, CAMERA, 1000, 700);
        let placed = td2.place(&lines(td2, CAMERA, 0.0)).expect("a sheet");
        let Straight { picture: cut, outside } =
            placed.cut(&picture, td2.whole()).expect("a document");
        assert_eq!(outside, 0.0);
        let (width, height) = (cut.width() as f64, cut.height() as f64);
        assert!((width / height - td2.width / td2.height).abs() < 0.005, "{width} x {height}");
        let scale = width / td2.width;
        assert!(scale > 6.0 && scale < 8.0, "as many pixels as in the picture: {scale}");
        // The squares are where they were drawn, to a pixel and a half.
        let edge = 5.0 * scale;
        for (distance, gray) in [(edge - 2.5, 0), (edge + 2.5, 200)] {
            for (x, y) in [(distance, 3.0), (width - distance, 3.0), (3.0, height - distance)] {
                assert_eq!(cut.row(y as usize)[x as usize], gray, "{x} {y}");
            }
        }
        let portrait = td2.portrait.expect("a place");
        let cut = placed.cut(&picture, portrait).expect("a portrait").picture;
        assert!(cut.pixels().iter().all(|&pixel| pixel == 200));
        let shape = cut.width() as f64 / cut.height() as f64;
        assert!((shape - portrait.width / portrait.height).abs() < 0.005, "{shape}");
    }

    #[test]
    fn what_lies_outside_the_picture_is_white_and_told() {
        let td3 = Sheet::of("TD3").expect("a standard format");
        let flat = Homography { rows: [[5.0, 0.0, 0.0], [0.0, 5.0, -220.0], [0.0, 0.0, 1.0]] };
        // The lower half of the page.
        let picture = photograph(td3, flat, 625, 220);
        let placed = td3.place(&lines(td3, flat, 0.0)).expect("a sheet");
        let cut = placed.cut(&picture, td3.whole()).expect("a document");
        assert!((cut.outside - 0.5).abs() < 0.01, "{}", cut.outside);
        assert!(cut.picture.width().abs_diff(625) < 2 && cut.picture.height().abs_diff(440) < 2);
        assert!(cut.picture.row(100).iter().all(|&pixel| pixel == 255));
        assert_eq!(cut.picture.row(300)[300], 200);
        let portrait = placed.cut(&picture, td3.portrait.expect("a place")).expect("white");
        assert!(portrait.outside > 0.5, "{}", portrait.outside);
    }

    #[test]
    fn no_cut_is_larger_than_stated() {
        let td1 = Sheet::of("TD1").expect("a standard format");
        let near = Homography { rows: [[90.0, 0.0, 0.0], [0.0, 90.0, 0.0], [0.0, 0.0, 1.0]] };
        let picture = Gray::new(2, 2, vec![9; 4]).expect("four pixels");
        let placed = td1.place(&lines(td1, near, 0.0)).expect("a sheet");
        let cut = placed.cut(&picture, td1.whole()).expect("a document");
        assert_eq!((cut.picture.width(), cut.picture.height()), (2000, 1261));
        let far = Homography { rows: [[1e-4, 0.0, 0.0], [0.0, 1e-4, 0.0], [0.0, 0.0, 1.0]] };
        let placed = td1.place(&lines(td1, far, 0.0)).expect("a sheet");
        assert!(placed.cut(&picture, td1.whole()).is_none());
    }
}
