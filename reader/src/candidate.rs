//! One zone read: a first look finds where the characters stand, the second reads them on that lattice, the grammar chooses the text.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "character counts and column coordinates of one line"
)]

use crate::decode::grammar::{self, Text};
use crate::decode::slots::{Grid, Slot, marginals, most_likely};
use crate::decode::{Columns, Lattice, Window};
use crate::geometry::Point;
use crate::locate::{Zone, level_heights, neighbour, refine};
use crate::numeric::sort_by;
use crate::path::LinePath;
use crate::pyramid::Pyramid;
use crate::rectify::{Rectified, rectify};
use nibble_core::{Logits, Network};
use nibble_mrz::{ALPHABET, Check, Format, symbol, verify};

/// Characters beyond the measured ends that a first look takes in.
const LOOK_MARGIN: f32 = 3.0;
/// Characters beyond the ends of a line whose lattice is known.
const READ_MARGIN: f32 = 1.0;
/// Least evidence a character for a line of a zone.
const LEAST_EVIDENCE: f32 = 1.8;
/// With less evidence a line is looked at from the other end as well.
const UPRIGHT_EVIDENCE: f32 = 3.0;
/// Softens the network's probabilities: it is surer than it is right.
const TEMPERATURE: f32 = 1.5;
/// A reading above this is confident: a text that differs from it is not valid.
pub(super) const CONFIDENT: f32 = 0.9;
/// A character that no check digit protects needs this confidence.
pub(super) const DOUBTFUL: f32 = 0.6;
/// A valid text has at least this share of the probability of all texts whose check digits agree.
const LEAST_CERTAINTY: f32 = 0.7;
/// A valid text has at least this log probability a character.
const LEAST_VALID_SCORE: f32 = -0.3;
/// How much less evidence than the best length of a line a length may have.
const LENGTH_SLACK: f32 = 0.35;
/// Characters by which a look is made longer where text goes on beyond its end.
const EXTENSION: f32 = 10.0;
/// Times a look is made longer or taken again.
const MOST_LOOKS: usize = 4;
/// With less evidence there is no line, with more a look has nothing to win.
const UNSETTLED_EVIDENCE: std::ops::Range<f32> = 0.8..3.6;
/// Most characters of a look: the longest line and what may stand beside it.
const MOST_CHARACTERS: f32 = 80.0;
/// Bounds of a whole line over its first half, in picture pixels: 2 where characters are equally wide, less where they narrow.
const LEAST_RATIO: f32 = 1.55;
const MOST_RATIO: f32 = 2.8;
/// Line lengths of the formats.
const LENGTHS: [usize; 3] = [44, 36, 30];
/// Groups of lines of a zone that are read.
const MOST_GROUPS: usize = 2;
/// A valid candidate this likely, in log probability a character, ends the search.
const CERTAIN: f32 = -0.1;
/// Least log probability a character of a candidate that is reported.
const LEAST_SCORE: f32 = -1.6;

/// A line after the first look.
#[derive(Clone)]
struct Look {
    /// What the locator measured.
    located: LinePath,
    /// What was looked along: longer where text went on beyond an end.
    path: LinePath,
    rectified: Rectified,
    lattice: Lattice,
}

impl Look {
    /// Looks along a path, farther along where the text goes on beyond an end, and again on the look's own lattice where characters were not evenly
    /// spaced: those read badly.
    fn at(network: &mut Network, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let mut look = Self::once(network, picture, path)?;
        for _ in 0..MOST_LOOKS {
            let (left, right) = look.lattice.edges();
            let (left, right) =
                (if left > 0.0 { EXTENSION } else { 0.0 }, if right > 0.0 { EXTENSION } else { 0.0 });
            let goes_on = left + right > 0.0 && look.evidence() > 0.0;
            let unsettled = UNSETTLED_EVIDENCE.contains(&look.evidence());
            if !goes_on && !unsettled {
                break;
            }
            let course = if unsettled { look.settled() } else { look.path };
            let path = course.recounted(-left, 1.0, course.length + left + right);
            if path.length > MOST_CHARACTERS {
                break;
            }
            match Self::once(network, picture, &path) {
                Some(next) if goes_on || next.evidence() > look.evidence() => {
                    look = Self { located: look.located, ..next }
                }
                _ => break,
            }
        }
        Some(look)
    }

    /// The course of the look counted on its own lattice, from end to end.
    fn settled(&self) -> LinePath {
        let window = self.lattice.window(self.length());
        let (first, last) = self.lattice.range();
        let margin = LOOK_MARGIN as i32;
        let (left, right) = (
            (window.first - first - margin).max(0),
            (last - margin - window.first - window.length as i32).max(0),
        );
        let counted = self.counted(&window);
        counted.recounted(-left as f32, 1.0, counted.length + (left + right) as f32)
    }

    fn once(network: &mut Network, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let (rectified, logits) = run(network, picture, path, LOOK_MARGIN)?;
        let columns = Columns::from_logits(&logits.to_f32(), TEMPERATURE);
        let lattice = Lattice::find(&columns, rectified.pitch())?;
        Some(Self { located: *path, path: *path, rectified, lattice })
    }

    /// The likeliest line length.
    fn length(&self) -> usize {
        let score = |length: usize| self.lattice.window(length).score;
        LENGTHS.into_iter().max_by(|&a, &b| score(a).total_cmp(&score(b))).unwrap_or(LENGTHS[0])
    }

    /// The window of `length`, where that is about as likely as the best length.
    fn window(&self, length: usize) -> Option<Window> {
        let window = self.lattice.window(length);
        (window.score > LEAST_EVIDENCE && window.score > self.evidence() - LENGTH_SLACK).then_some(window)
    }

    /// Evidence for the likeliest line length.
    fn evidence(&self) -> f32 {
        LENGTHS.map(|length| self.lattice.window(length).score).into_iter().fold(f32::NEG_INFINITY, f32::max)
    }

    /// The same line counted on its lattice, `window.length` characters.
    fn counted(&self, window: &Window) -> LinePath {
        let length = window.length as f32;
        let u = |i: f32| self.rectified.u(self.lattice.column(window.first as f32 - 0.5 + i));
        let (first, half, whole) = (u(0.0), u(length / 2.0) - u(0.0), u(length) - u(0.0));
        // scale * i / (1 + bend * i) through the middle and the end.
        let ratio = (whole / half).clamp(LEAST_RATIO, MOST_RATIO);
        let bend = (2.0 - ratio) / ((ratio - 1.0) * length);
        let scale = whole * (1.0 + bend * length) / length;
        self.path.recounted(first, scale, length).foreshortened(bend)
    }
}

fn run(
    network: &mut Network,
    picture: &Pyramid,
    path: &LinePath,
    margin: f32,
) -> Option<(Rectified, Logits)> {
    let (rows, stride) = (network.model().height, network.model().column_stride);
    let rectified = rectify(picture, path, margin, rows, stride)?;
    let logits = network.run(rectified.strip.pixels()).ok()?;
    Some((rectified, logits))
}

/// A line read on its lattice.
#[derive(Debug, Clone)]
struct Line {
    path: LinePath,
    slots: Vec<Slot>,
    logits: Logits,
}

impl Line {
    fn at(network: &mut Network, picture: &Pyramid, path: &LinePath) -> Option<Self> {
        let (rectified, logits) = run(network, picture, path, READ_MARGIN)?;
        let columns = Columns::from_logits(&logits.to_f32(), TEMPERATURE);
        let grid =
            Grid { first: rectified.column(0.0), step: rectified.pitch(), slots: path.length as usize };
        Some(Self { path: *path, slots: marginals(&columns, &grid), logits })
    }
}

/// A zone read under one format.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    lines: Vec<Line>,
    /// Mean evidence of the lines' windows.
    evidence: f32,
    /// Text stands right beyond an end of a line: a part of a longer one was taken for it.
    goes_on: bool,
    text: Text,
    checks: Vec<Check>,
    valid: bool,
}

/// One character that differs from the raw reading or is not sure.
pub(super) struct Doubt {
    pub(super) line: usize,
    pub(super) position: usize,
    pub(super) raw: u8,
    pub(super) alternative: u8,
    pub(super) confidence: f32,
}

impl Candidate {
    fn new(lines: Vec<Line>, evidence: f32, goes_on: bool) -> Option<Self> {
        let slots: Vec<&[Slot]> = lines.iter().map(|line| &line.slots[..]).collect();
        let text = grammar::likeliest_text(&slots)?;
        let checks = verify(text.format, &text.lines);
        let mut candidate = Self { lines, evidence, goes_on, text, checks, valid: false };
        candidate.valid = candidate.proves_valid();
        Some(candidate)
    }

    /// The same lines with probabilities from elsewhere, of the same shape.
    pub(super) fn with_slots(&self, slots: Vec<Vec<Slot>>) -> Option<Self> {
        let with =
            |(line, slots): (&Line, Vec<Slot>)| Line { path: line.path, slots, logits: line.logits.clone() };
        Self::new(self.lines.iter().zip(slots).map(with).collect(), self.evidence, self.goes_on)
    }

    /// The probabilities of the characters, line by line.
    pub(super) fn slots(&self) -> Vec<&[Slot]> {
        self.lines.iter().map(|line| &line.slots[..]).collect()
    }

    /// Log probability a character, prices included.
    pub(super) fn score(&self) -> f32 {
        let count: usize = self.text.lines.iter().map(Vec::len).sum();
        self.text.score / count.max(1) as f32
    }

    /// Candidates are ranked by probability, agreeing check digits, and how well their characters fill the line: a line cut short reads well too, and its check
    /// digits may agree, but text goes on beyond it.
    pub(super) fn rank(&self) -> f32 {
        let agreeing =
            self.checks.iter().filter(|check| check.ok).count() as f32 / self.checks.len().max(1) as f32;
        self.score() + agreeing + self.evidence - f32::from(u8::from(self.goes_on))
    }

    pub(super) fn format(&self) -> Format {
        self.text.format
    }

    pub(super) fn lines(&self) -> &[Vec<u8>] {
        &self.text.lines
    }

    pub(super) fn checks(&self) -> &[Check] {
        &self.checks
    }

    pub(super) fn quads(&self) -> Vec<[Point; 4]> {
        self.lines.iter().map(|line| line.path.quad()).collect()
    }

    pub(super) fn logits(&self) -> impl Iterator<Item = &Logits> {
        self.lines.iter().map(|line| &line.logits)
    }

    /// The likeliest character of every place, before the grammar.
    pub(super) fn raw_lines(&self) -> Vec<Vec<u8>> {
        let raw = |line: &Line| line.slots.iter().map(|slot| ALPHABET[most_likely(slot)]).collect();
        self.lines.iter().map(raw).collect()
    }

    /// The probability of every character of the text.
    pub(super) fn confidences(&self) -> Vec<Vec<f32>> {
        let confidence = |(line, text): (&Line, &Vec<u8>)| {
            line.slots.iter().zip(text).map(|(slot, &c)| symbol(c).map_or(0.0, |s| slot[s])).collect()
        };
        self.lines.iter().zip(&self.text.lines).map(confidence).collect()
    }

    /// Characters that were changed, and unprotected ones that are not sure.
    pub(super) fn doubts(&self) -> Vec<Doubt> {
        let layout = self.text.format.layout();
        let mut doubts = Vec::new();
        for (line, (read, text)) in self.lines.iter().zip(&self.text.lines).enumerate() {
            for (position, (slot, &chosen)) in read.slots.iter().zip(text).enumerate() {
                let raw = most_likely(slot);
                let confidence = symbol(chosen).map_or(0.0, |symbol| slot[symbol]);
                let changed = ALPHABET[raw] != chosen;
                let doubtful = confidence < DOUBTFUL && !layout.is_protected(line, position);
                if changed {
                    doubts.push(Doubt {
                        line,
                        position,
                        raw: ALPHABET[raw],
                        alternative: chosen,
                        confidence,
                    });
                } else if doubtful {
                    let mut rest = *slot;
                    rest[raw] = 0.0;
                    let second = ALPHABET[most_likely(&rest)];
                    doubts.push(Doubt { line, position, raw: chosen, alternative: second, confidence });
                }
            }
        }
        doubts
    }

    /// Nothing better is to be expected.
    pub(super) fn is_certain(&self) -> bool {
        self.valid && self.score() > CERTAIN
    }

    /// Every check digit agrees, no confident reading was changed, nothing outside the check digits' protection is doubtful or foreign to the format, no other text with
    /// agreeing check digits is about as likely, and the lines end where the format ends.
    pub(super) fn is_valid(&self) -> bool {
        self.valid
    }

    fn proves_valid(&self) -> bool {
        let layout = self.text.format.layout();
        let foreign = self.text.lines.iter().enumerate().any(|(line, text)| {
            let at = |(position, &c): (usize, &u8)| !grammar::provides(self.text.format, line, position, c);
            text.iter().enumerate().any(at)
        });
        !foreign
            && !self.goes_on
            && self.checks.iter().all(|check| check.ok)
            && self.score() > LEAST_VALID_SCORE
            && self.doubts().iter().all(|doubt| {
                let slot = &self.lines[doubt.line].slots[doubt.position];
                let overruled = slot[most_likely(slot)] >= CONFIDENT;
                let exposed = doubt.confidence < DOUBTFUL && !layout.is_protected(doubt.line, doubt.position);
                !overruled && !exposed
            })
            && grammar::certainty(&self.slots(), &self.text) > LEAST_CERTAINTY
    }
}

/// The readings of a zone: usually one, none where no line of it is one of a machine-readable zone.
pub(super) fn read_zone(network: &mut Network, picture: &Pyramid, zone: &Zone) -> Vec<Candidate> {
    let mut paths = zone.lines.clone();
    let looks = look_all(network, picture, &paths);
    let upright = total(&looks);
    let looks = if upright < UPRIGHT_EVIDENCE * looks.len() as f32 {
        // Nothing to read this way up: the zone may stand on its head.
        paths.reverse();
        let turned: Vec<LinePath> = paths.iter().map(LinePath::reversed).collect();
        let other = look_all(network, picture, &turned);
        if total(&other) > upright { other } else { looks }
    } else {
        looks
    };
    let mut looks: Vec<Look> =
        looks.into_iter().flatten().filter(|look| look.evidence() > LEAST_EVIDENCE).collect();
    complete(network, picture, &mut looks);
    straighten(network, picture, &mut looks);
    let mut found = Vec::new();
    for (count, length) in [(2, 44), (2, 36), (3, 30)] {
        for group in looks.windows(count) {
            let windows: Option<Vec<Window>> = group.iter().map(|look| look.window(length)).collect();
            if let Some(windows) = windows {
                found.push((
                    windows.iter().map(|window| window.score).sum::<f32>() / count as f32,
                    group,
                    windows,
                ));
            }
        }
    }
    sort_by(&mut found, |a, b| b.0.total_cmp(&a.0));
    let mut candidates: Vec<Candidate> = Vec::new();
    for (_, group, windows) in found.iter().take(MOST_GROUPS) {
        let read = read_group(network, picture, group, windows);
        candidates.extend(read.filter(|candidate| candidate.score() > LEAST_SCORE));
        if candidates.iter().any(Candidate::is_certain) {
            break;
        }
    }
    candidates
}

/// Adds the lines that the locator missed: above, below and between those that were found, until the format has all of its own.
fn complete(network: &mut Network, picture: &Pyramid, looks: &mut Vec<Look>) {
    let Some(surest) = looks.iter().max_by(|a, b| a.evidence().total_cmp(&b.evidence())) else { return };
    let length = surest.length();
    let wanted = if length == 30 { 3 } else { 2 };
    let mut tried = 0;
    while looks.iter().filter(|look| look.window(length).is_some()).count() < wanted && tried < looks.len() {
        let look = &looks[tried];
        tried += 1;
        let Some(path) = look.window(length).map(|window| look.counted(&window)) else { continue };
        for below in [true, false] {
            let known: Vec<f32> = looks.iter().map(|look| distance(&path, &look.path)).collect();
            let Some(next) = neighbour(picture, &path, below, &known) else { continue };
            if let Some(look) = Look::at(network, picture, &next)
                && look.evidence() > LEAST_EVIDENCE
            {
                looks.push(look);
            }
        }
    }
    let along = looks[0].path.tangent(0.0).unit();
    sort_by(looks, |a, b| {
        let depth = |look: &Look| along.cross(look.path.at(look.path.length / 2.0));
        depth(a).total_cmp(&depth(b))
    });
}

/// Lines of a zone are parallel and stand in the same columns: each is looked at again along the course of the surest one, moved to where it was found. What was
/// located in part only, or foreshortened so much that its lattice was lost, comes right that way.
fn straighten(network: &mut Network, picture: &Pyramid, looks: &mut [Look]) {
    let Some(surest) = (0..looks.len()).max_by(|&a, &b| looks[a].evidence().total_cmp(&looks[b].evidence()))
    else {
        return;
    };
    let length = looks[surest].length();
    let Some(window) = looks[surest].window(length) else { return };
    let course = looks[surest].counted(&window);
    for (_, look) in looks.iter_mut().enumerate().filter(|&(index, _)| index != surest) {
        let moved = course.beside(distance(&course, &look.located));
        let moved = refine(picture, &moved).unwrap_or(moved);
        let evidence = look.lattice.window(length).score;
        if let Some(again) = Look::at(network, picture, &moved)
            && again.lattice.window(length).score > evidence
        {
            *look = Look { located: look.located, ..again };
        }
    }
}

/// How far `other` lies below `path`, in capital heights of `path`, at its middle.
fn distance(path: &LinePath, other: &LinePath) -> f32 {
    let (middle, along) = (path.at(path.length / 2.0), path.tangent(path.length / 2.0).unit());
    let direction = other.tangent(other.length / 2.0).unit();
    // The point of the other line right below the middle.
    let between = other.at(other.length / 2.0) - middle;
    let below = between - direction * (between.dot(along) / direction.dot(along));
    along.cross(below) / path.cap_at(path.length / 2.0)
}

fn look_all(network: &mut Network, picture: &Pyramid, paths: &[LinePath]) -> Vec<Option<Look>> {
    paths.iter().map(|path| Look::at(network, picture, path)).collect()
}

fn total(looks: &[Option<Look>]) -> f32 {
    looks.iter().flatten().map(Look::evidence).filter(|evidence| *evidence > 0.0).sum()
}

fn read_group(
    network: &mut Network,
    picture: &Pyramid,
    group: &[Look],
    windows: &[Window],
) -> Option<Candidate> {
    let counted = |(look, window): (&Look, &Window)| look.counted(window);
    let mut paths: Vec<LinePath> = group.iter().zip(windows).map(counted).collect();
    measure_together(picture, &mut paths);
    // Upright now, the characters show better where they stand.
    let length = windows.first()?.length;
    let seen = |look: Look| (look.lattice.window(length), look);
    let again: Option<Vec<(Window, Look)>> =
        paths.iter().map(|path| Look::once(network, picture, path).map(seen)).collect();
    let goes_on = match again {
        None => group.iter().zip(windows).any(|(look, window)| look.lattice.goes_on(window)),
        Some(again) => {
            for ((path, (found, look)), window) in paths.iter_mut().zip(&again).zip(windows) {
                if found.score > window.score {
                    *path = look.counted(found);
                }
            }
            measure_together(picture, &mut paths);
            again.iter().any(|(found, look)| look.lattice.goes_on(found))
        }
    };
    let lines: Option<Vec<Line>> = paths.iter().map(|path| Line::at(network, picture, path)).collect();
    let evidence = windows.iter().map(|window| window.score).sum::<f32>() / windows.len() as f32;
    Candidate::new(lines?, evidence, goes_on)
}

/// Moves the lines of a zone onto their ink and gives them one height and one lean.
fn measure_together(picture: &Pyramid, paths: &mut [LinePath]) {
    for path in &mut *paths {
        if let Some(refined) = refine(picture, path) {
            *path = refined;
        }
    }
    level_heights(paths, |path, factor| LinePath { cap: path.cap * factor, ..*path });
    lean(paths);
}

/// Sets how far the characters lean from the columns that the lines of a zone share: a character stands right below another.
fn lean(paths: &mut [LinePath]) {
    let [first, .., last] = paths else { return };
    let slant = |u: f32| {
        let (along, between) = (first.tangent(u).unit(), last.at(u) - first.at(u));
        -between.dot(along) / between.dot(along.down())
    };
    let (start, end) = (slant(0.0), slant(first.length));
    // A column off by one character between two lines is a lean of about 0.4; more than this is a miscount.
    if ((start + end) / 2.0).abs() < 0.35 && (start - end).abs() < 0.8 {
        for path in paths {
            path.slant = start;
            path.slant_slope = (end - start) / path.t(path.length);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::decode::SYMBOLS;

    /// A candidate that reads `lines` with the given certainty, standing nowhere.
    pub(crate) fn of_lines(lines: &[impl AsRef<str>], certainty: f32) -> Candidate {
        let rest = (1.0 - certainty) / (SYMBOLS - 1) as f32;
        let slot = |c: u8| {
            let mut slot = [rest; SYMBOLS];
            slot[symbol(c).expect("in the alphabet")] = certainty;
            slot
        };
        let line = |text: &str| Line {
            path: LinePath::straight(Point::default(), Point::new(44.0, 0.0), 1.0, 44.0),
            slots: text.bytes().map(slot).collect(),
            logits: Logits::default(),
        };
        Candidate::new(lines.iter().map(|text| line(text.as_ref())).collect(), 4.0, false)
            .expect("the shape of a format")
    }

    #[test]
    fn sure_lines_are_valid_and_unsure_names_are_not() {
        let lines =
            ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];
        assert!(of_lines(&lines, 0.999).is_valid());
        assert!(!of_lines(&lines, 0.5).is_valid());
    }
}
