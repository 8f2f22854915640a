//! Zones: groups of parallel lines of similar length and height that lie under one another.

use super::lines::Line;
use crate::numeric::sort_by;
use crate::path::LinePath;

/// Lines that lie under one another, in the order given by the direction of their paths.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    /// The lines, top to bottom.
    pub lines: Vec<LinePath>,
    /// Score among the zones; a larger one is likelier.
    pub score: f32,
}

/// Minimum characters of a located line: well below the shortest line of a format, since part of a
/// line may not have been found.
const MIN_CHARACTERS: f32 = 14.0;
/// Distance between neighbouring lines in capital heights: nominally 6.35 mm / 2.4 mm. Perspective
/// changes it, and some documents set their lines closer.
const SPACING: std::ops::Range<f32> = 1.25..4.2;
/// Plausible ratios of a line's distance from the camera at its right end to that at its left end.
const DISTANCE_RATIO: std::ops::Range<f32> = 0.5..2.0;
/// Maximum factor by which a line's height is raised: the height of capitals over that of fillers,
/// and some error of measurement.
const MAX_RAISE: f32 = 1.3;
/// Maximum zones returned.
const MAX_ZONES: usize = 16;

/// How much a line by itself looks like a line of a zone.
fn line_score(line: &Line) -> f32 {
    line.path.length.min(46.0) / 44.0 * (0.35 + line.regularity)
}

/// Whether two paths cover largely the same characters.
fn same(a: &LinePath, b: &LinePath) -> bool {
    let middle = a.at(a.length / 2.0);
    let along = b.tangent(b.length / 2.0).unit();
    let between = middle - b.at(b.length / 2.0);
    let reach = b.tangent(b.length / 2.0).norm() * b.length / 2.0;
    between.cross(along).abs() < 0.6 * b.cap_at(b.length / 2.0) && between.dot(along).abs() < reach
}

/// The signed distance of `b` below `a` in capital heights; `None` if they cannot be neighbours in
/// a zone.
fn below(a: &Line, b: &Line) -> Option<f32> {
    let (pa, pb) = (&a.path, &b.path);
    let (ma, mb) = (pa.at(pa.length / 2.0), pb.at(pb.length / 2.0));
    let (ta, tb) = (pa.tangent(pa.length / 2.0).unit(), pb.tangent(pb.length / 2.0).unit());
    let (ca, cb) = (pa.cap_at(pa.length / 2.0), pb.cap_at(pb.length / 2.0));
    let cap = (ca + cb) / 2.0;
    let parallel = ta.dot(tb) > 0.99 && ta.cross(tb).abs() < 0.09;
    let alike = ca.max(cb) < 1.45 * ca.min(cb);
    let along = (mb - ma).dot(ta).abs();
    let (long, short) = (pa.length.max(pb.length), pa.length.min(pb.length));
    let beside = along < 0.35 * long * cap && short > 0.5 * long;
    let distance = ta.cross(mb - ma) / cap;
    (parallel && alike && beside && SPACING.contains(&distance.abs())).then_some(distance)
}

/// Groups lines into zones of two or three, best first. A single line is a zone too: its neighbours
/// may have been missed.
pub(super) fn group(mut lines: Vec<Line>) -> Vec<Zone> {
    lines.retain(|line| line.path.length > MIN_CHARACTERS);
    sort_by(&mut lines, |a, b| line_score(b).total_cmp(&line_score(a)));
    let mut kept: Vec<Line> = Vec::new();
    for line in lines {
        if !kept.iter().any(|other| same(&line.path, &other.path)) {
            kept.push(line);
        }
    }
    let mut zones: Vec<Zone> = Vec::new();
    let mut used = vec![false; kept.len()];
    for seed in 0..kept.len() {
        if used[seed] {
            continue;
        }
        used[seed] = true;
        let mut members = vec![seed];
        // The zone grows from the seed: each new line is next to one that is already in it.
        while members.len() < 3 {
            let next = (0..kept.len()).filter(|&i| !used[i]).find(|&i| {
                members.iter().any(|&m| below(&kept[m], &kept[i]).is_some())
                    && members.iter().all(|&m| !same(&kept[m].path, &kept[i].path))
            });
            let Some(next) = next else { break };
            used[next] = true;
            members.push(next);
        }
        let along = kept[seed].path.tangent(0.0).unit();
        sort_by(&mut members, |&a, &b| {
            let depth = |i: usize| along.cross(kept[i].path.at(kept[i].path.length / 2.0));
            depth(a).total_cmp(&depth(b))
        });
        let alone = if members.len() == 1 { 0.5 } else { 1.0 };
        let score = alone * members.iter().map(|&m| line_score(&kept[m])).sum::<f32>();
        let mut lines: Vec<LinePath> = members.iter().map(|&m| kept[m].path).collect();
        level_heights(&mut lines, |line, factor| {
            LinePath { cap: line.cap * factor, ..*line }.recounted(
                0.0,
                factor,
                line.length / factor,
            )
        });
        zones.push(Zone { lines, score });
    }
    sort_by(&mut zones, |a, b| b.score.total_cmp(&a.score));
    zones.truncate(MAX_ZONES);
    zones
}

/// Raises all lines of a zone to the height of the tallest: they are printed at one height, but a
/// line full of fillers, which are lower than capitals, is measured too low. `raised` scales the
/// height of a line by a factor.
pub(crate) fn level_heights(lines: &mut [LinePath], raised: impl Fn(&LinePath, f32) -> LinePath) {
    let height = |line: &LinePath| line.cap_at(line.length / 2.0);
    let tallest = lines.iter().map(height).fold(0.0, f32::max);
    for line in lines {
        *line = raised(line, (tallest / height(line)).min(MAX_RAISE));
    }
}

/// Sets the foreshortening of the lines of a zone. Lines that are parallel on the page converge
/// where the page is farther from the camera, so the foreshortening follows from the distances
/// between the first and the last line at both ends.
pub(super) fn foreshorten(lines: &mut [LinePath]) {
    let [first, .., last] = *lines else { return };
    let along = first.tangent(first.length / 2.0).unit();
    let distance = |u: f32| {
        // The point of the last line straight across. The lines are nearly straight and parallel,
        // so one step is enough.
        let point = first.at(u);
        let v = last.length * (point - last.at(0.0)).dot(along)
            / (last.at(last.length) - last.at(0.0)).dot(along);
        along.cross(last.at(v) - point)
    };
    let ratio = distance(0.0) / distance(first.length);
    if !DISTANCE_RATIO.contains(&ratio) {
        return;
    }
    for line in lines {
        // Keep the ends and the course, but move characters closer together towards the far end.
        let share = line.linear.norm() * line.length / (first.linear.norm() * first.length);
        let ratio = 1.0 + (ratio - 1.0) * share;
        let (linear, quadratic) = (line.linear * ratio, line.quadratic * (ratio * ratio));
        *line = LinePath { linear, quadratic, ..*line }.foreshortened((ratio - 1.0) / line.length);
    }
}
