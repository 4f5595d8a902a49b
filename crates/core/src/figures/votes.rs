//! Three votes and their fusion: a bar a branch, its vote in words, and which image branch the result was taken from.

use thoracast_chart::text::{self, probability};
use thoracast_chart::{Anchor, Chart, Rect, Role, Stroke, Text, Weight};

use crate::assess::{Assessment, FusedResult, ImageBranch};
use crate::fusion::{Source, Votes};

/// Draws the votes `width` logical points wide; under 560 points the fused result stands below the branches.
pub fn draw(assessment: &Assessment, width: f32) -> Chart {
    let branches = branches(assessment);
    let s = (width / 64.0).clamp(8.0, 12.5);
    let beside = width >= 560.0 || width / s >= 58.0;
    let mut layout = Layout::new(assessment, width, s, beside);
    for (i, branch) in branches.iter().enumerate() {
        layout.branch(i, branch);
    }
    layout.scale_line(branches.len());
    if beside {
        layout.fused_beside(&branches)
    } else {
        layout.fused_below(branches.len())
    }
    layout.chart
}

/// Where the fused figure comes from, in words: `from T4`, `by stacking`.
pub fn origin(fused: &FusedResult) -> String {
    match fused.source {
        Some(source) => format!("from {}", source_name(source)),
        None => format!("by {}", fused.rule.name()),
    }
}

/// Why the result is what it is.
fn reason(fused: &FusedResult) -> String {
    match fused.source {
        Some(source) => rule(fused.votes, source),
        None => fused.rule.words(),
    }
}

/// Why the result was taken from its branch, in words.
pub fn rule(votes: Votes, source: Source) -> String {
    let name = source_name(source);
    if votes.t4 == votes.t11 {
        format!("T4 and T11 agree: {name} stands")
    } else {
        format!("T4 and T11 differ: the clinical vote decides for {name}")
    }
}

pub fn vote_words(vote: bool) -> &'static str {
    if vote { "Metastasis" } else { "No metastasis" }
}

pub fn source_name(source: Source) -> &'static str {
    match source {
        Source::T4 => "T4",
        Source::T11 => "T11",
    }
}

struct Branch {
    name: &'static str,
    detail: String,
    warn: bool,
    probability: f64,
    /// Lowest and highest of an ensemble.
    spread: Option<[f64; 2]>,
    vote: bool,
    link: Link,
}

/// What a branch is to the fused result.
#[derive(PartialEq)]
enum Link {
    Source,
    Decides,
    None,
}

fn branches(a: &Assessment) -> [Branch; 3] {
    let image = |name, branch: &ImageBranch, source| Branch {
        name,
        detail: match (branch.trained, branch.slice) {
            (false, _) => "untrained weights".to_owned(),
            (true, Some(slice)) => format!("slice {slice}"),
            (true, None) => "from a picture".to_owned(),
        },
        warn: !branch.trained,
        probability: branch.probability,
        spread: branch.spread(),
        vote: branch.vote,
        link: if a.fused.source.is_none_or(|s| s == source) { Link::Source } else { Link::None },
    };
    let votes = a.fused.votes;
    let missing = a.clinical.missing.len();
    let clinical = Branch {
        name: "Clinical model",
        detail: match missing {
            0 => "all values given".to_owned(),
            1 => "1 value missing".to_owned(),
            n => format!("{n} values missing"),
        },
        warn: missing > 0,
        probability: a.clinical.probability,
        spread: a.clinical.spread,
        vote: a.clinical.vote,
        link: match a.fused.source {
            None => Link::Source,
            Some(_) if votes.t4 == votes.t11 => Link::None,
            Some(_) => Link::Decides,
        },
    };
    [image("T4 network", &a.t4, Source::T4), image("T11 network", &a.t11, Source::T11), clinical]
}

struct Layout<'a> {
    assessment: &'a Assessment,
    chart: Chart,
    s: f32,
    bar: [f32; 2],
    /// Right end of the vote chips.
    chips_right: f32,
    top: f32,
    row: f32,
}

impl<'a> Layout<'a> {
    fn new(assessment: &'a Assessment, width: f32, s: f32, beside: bool) -> Self {
        let chips_right = if beside { width - 20.0 * s } else { width };
        let chip = chip_width(s);
        let bar = [10.6 * s, chips_right - chip - 5.0 * s];
        let fused = &assessment.fused;
        let title = format!(
            "Three votes and their fusion: probability of metastasis {}, {}",
            probability(fused.probability),
            origin(fused)
        );
        let (top, row) = (0.6 * s, 3.4 * s);
        Self {
            assessment,
            chart: Chart::new(width, top + 3.0 * row + 1.9 * s, title),
            s,
            bar,
            chips_right,
            top,
            row,
        }
    }

    fn middle(&self, i: usize) -> f32 {
        self.top + self.row * (i as f32 + 0.5)
    }

    fn branch(&mut self, i: usize, branch: &Branch) {
        let (s, y) = (self.s, self.middle(i));
        let [left, right] = self.bar;
        self.chart.text(Text::new([0.0, y - 0.2 * s], branch.name, 1.05 * s, Role::Ink).bold());
        let role = if branch.warn { Role::Warning } else { Role::Muted };
        self.chart.text(Text::new([0.0, y + 1.05 * s], branch.detail.clone(), 0.88 * s, role));
        self.bar_mark(y, branch.probability, branch.vote, 1.1 * s);
        if let Some(spread) = branch.spread {
            self.whisker(y, spread);
        }
        let figure =
            Text::new([right + 0.8 * s, y + 0.38 * s], probability(branch.probability), 1.1 * s, Role::Ink);
        self.chart.text(figure.bold());
        debug_assert!(left < right);
        self.chip(self.chips_right - chip_width(s), y, branch.vote);
    }

    fn bar_mark(&mut self, y: f32, probability: f64, vote: bool, height: f32) {
        let [left, right] = self.bar;
        let track = Rect::new(left, y - height / 2.0, right - left, height);
        self.chart.fill_rect(track, 0.2 * self.s, Role::Grid.wash(0.55));
        let share = if probability.is_finite() { probability.clamp(0.0, 1.0) as f32 } else { 0.0 };
        let role = vote_role(vote);
        self.chart.fill_rect(Rect { width: track.width * share, ..track }, 0.2 * self.s, role.fill());
    }

    /// From the lowest to the highest of an ensemble's probabilities.
    fn whisker(&mut self, y: f32, [low, high]: [f64; 2]) {
        let (s, [left, right]) = (self.s, self.bar);
        let at = |p: f64| left + (right - left) * p.clamp(0.0, 1.0) as f32;
        let stroke = Role::Ink.stroke(0.12 * s);
        self.chart.line([at(low), y], [at(high), y], stroke);
        for x in [at(low), at(high)] {
            self.chart.line([x, y - 0.3 * s], [x, y + 0.3 * s], stroke);
        }
    }

    /// A vote as a word with a filled or open dot, so that it does not hang on colour.
    fn chip(&mut self, x: f32, y: f32, vote: bool) {
        let s = self.s;
        let role = vote_role(vote);
        let chip = Rect::new(x, y - 0.85 * s, chip_width(s), 1.7 * s);
        self.chart.frame(chip, 0.85 * s, Some(role.wash(0.12)), role.stroke(0.07 * s));
        let dot = [x + 0.95 * s, y];
        if vote {
            self.chart.dot(dot, 0.32 * s, role.fill());
        } else {
            self.chart.ring(dot, 0.28 * s, None, role.stroke(0.12 * s));
        }
        let words = Text::new([x + 1.6 * s, y + 0.34 * s], vote_words(vote), 0.95 * s, role);
        self.chart.text(words.bold());
    }

    /// The 0.5 line through all bars, and the scale under them.
    fn scale_line(&mut self, rows: usize) {
        let s = self.s;
        let [left, right] = self.bar;
        let foot = self.top + self.row * rows as f32;
        let middle = (left + right) / 2.0;
        let top = self.middle(0) - 1.0 * s;
        self.chart.line(
            [middle, top],
            [middle, foot - 0.1 * s],
            Role::Ink.stroke(0.09 * s).dashed(0.25 * s, 0.25 * s),
        );
        for (x, words) in [(left, "0"), (middle, "0.5"), (right, "1")] {
            let words = Text::new([x, foot + 0.9 * s], words, 0.85 * s, Role::Muted);
            self.chart.text(words.anchored(Anchor::Middle));
        }
    }

    fn fused_beside(&mut self, branches: &[Branch; 3]) {
        let s = self.s;
        let left = self.chart.width - 13.6 * s;
        let card =
            Rect::new(left, self.middle(0) - 1.2 * s, 13.6 * s, self.middle(2) - self.middle(0) + 2.4 * s);
        let joint = self.chips_right + 3.2 * s;
        let centre = card.centre()[1];
        for (i, branch) in branches.iter().enumerate() {
            let y = self.middle(i);
            let stroke = link_stroke(&branch.link, s);
            self.chart.line([self.chips_right, y], [joint, y], stroke);
            if i != 1 {
                self.chart.line([joint, y], [joint, centre], stroke);
            }
        }
        self.chart.line([joint, centre], [left - 0.7 * s, centre], link_stroke(&Link::Source, s));
        let tip = left - 0.15 * s;
        let arrow = vec![[tip, centre], [tip - 0.9 * s, centre - 0.5 * s], [tip - 0.9 * s, centre + 0.5 * s]];
        self.chart.fill_polygon(arrow, Role::Accent.fill());
        self.source_lines_on_top(branches, joint, centre);
        self.card(card);
    }

    /// The source's way is drawn last, so that it covers the faint ones at the joint.
    fn source_lines_on_top(&mut self, branches: &[Branch; 3], joint: f32, centre: f32) {
        let s = self.s;
        for (i, branch) in branches.iter().enumerate().filter(|(_, b)| b.link != Link::None) {
            if branch.link == Link::Source {
                let way = vec![
                    [self.chips_right + 0.4 * s, self.middle(i)],
                    [joint, self.middle(i)],
                    [joint, centre],
                ];
                self.chart.polyline(way, link_stroke(&Link::Source, s));
            }
        }
        self.chart.ring([joint, centre], 0.5 * s, Some(Role::Paper.fill()), link_stroke(&Link::Source, s));
    }

    fn card(&mut self, card: Rect) {
        let s = self.s;
        let fused = &self.assessment.fused;
        self.chart.frame(card, 0.5 * s, Some(Role::Panel.fill()), Role::Grid.stroke(0.08 * s));
        let lines = self.words(card.width - 1.8 * s, 0.85 * s);
        let content = 3.6 * s + 1.1 * s * lines.len() as f32;
        let x = card.x + 0.9 * s;
        let mut y = card.y + (card.height - content) / 2.0 + 0.7 * s;
        self.chart.text(Text::new([x, y], "Fused probability", 0.9 * s, Role::Muted));
        y += 2.5 * s;
        let figure = Text::new([x, y], probability(fused.probability), 2.6 * s, self.figure_role());
        self.chart.text(figure.bold());
        if fused.source.is_some() {
            let right = Text::new([card.right() - 0.9 * s, y], origin(fused), 0.95 * s, Role::Accent).bold();
            self.chart.text(right.anchored(Anchor::End));
        }
        y += 1.4 * s;
        for (line, role) in lines {
            self.chart.text(Text::new([x, y], line, 0.85 * s, role));
            y += 1.1 * s;
        }
    }

    /// A figure without meaning, or in doubt, does not shine.
    fn figure_role(&self) -> Role {
        if self.assessment.doubtful() {
            Role::Muted
        } else {
            vote_role(self.assessment.fused.log_prob.vote())
        }
    }

    /// The rule that was applied, and whether its result means anything.
    fn words(&self, width: f32, size: f32) -> Vec<(String, Role)> {
        let fused = &self.assessment.fused;
        let wrapped = |words: &str, role: Role| -> Vec<(String, Role)> {
            text::wrap(words, width, size, Weight::Regular).into_iter().map(|line| (line, role)).collect()
        };
        let mut lines = wrapped(&reason(fused), Role::Muted);
        if !self.assessment.meaningful {
            lines.extend(wrapped("no meaning: untrained", Role::Warning));
        } else if self.assessment.doubtful() {
            lines.extend(wrapped("doubtful", Role::Warning));
        }
        lines
    }

    fn fused_below(&mut self, rows: usize) {
        let s = self.s;
        let top = self.top + self.row * rows as f32 + 1.9 * s;
        let card = Rect::new(0.0, top, self.chart.width, 0.0);
        let fused = &self.assessment.fused;
        let words = self.words(card.width - 1.8 * s, 0.95 * s);
        let card = Rect { height: 3.6 * s + 1.25 * s * words.len() as f32, ..card };
        let role = self.figure_role();
        self.chart.frame(card, 0.5 * s, Some(Role::Panel.fill()), Role::Grid.stroke(0.08 * s));
        let baseline = top + 2.3 * s;
        self.chart.text(Text::new([0.9 * s, baseline], "Fused probability", 1.05 * s, Role::Ink).bold());
        let figure =
            Text::new([card.right() - 0.9 * s, baseline], probability(fused.probability), 2.0 * s, role)
                .bold();
        self.chart.text(figure.anchored(Anchor::End));
        for (i, (line, role)) in words.into_iter().enumerate() {
            let y = top + 4.1 * s + 1.25 * s * i as f32;
            self.chart.text(Text::new([0.9 * s, y], line, 0.95 * s, role));
        }
        self.chart.height = card.bottom() + 0.3 * s;
    }
}

fn chip_width(s: f32) -> f32 {
    text::width(vote_words(false), 0.95 * s, Weight::SemiBold) + 2.5 * s
}

fn vote_role(vote: bool) -> Role {
    if vote { Role::High } else { Role::Low }
}

fn link_stroke(link: &Link, s: f32) -> Stroke {
    match link {
        Link::Source => Role::Accent.stroke(0.22 * s),
        Link::Decides => Role::Accent.stroke(0.12 * s).dashed(0.5 * s, 0.35 * s),
        Link::None => Role::Grid.stroke(0.12 * s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::assessment;
    use thoracast_chart::check;

    #[test]
    fn sound_at_any_width_and_for_every_vote() {
        for bits in 0..8 {
            let [t4, t11, clinical] = [0, 1, 2].map(|i| bits >> i & 1 == 1);
            let a = assessment(t4, t11, clinical, bits % 2 == 0);
            for width in [300.0, 420.0, 515.0, 560.0, 760.0, 1000.0] {
                check::assert_sound(&draw(&a, width));
            }
        }
        check::look(&draw(&assessment(true, true, false, true), 760.0), "votes-agree");
        check::look(&draw(&assessment(false, true, true, false), 760.0), "votes-differ");
        check::look(&draw(&assessment(false, true, true, false), 360.0), "votes-narrow");
    }

    #[test]
    fn the_rule_is_told_as_the_fusion_applies_it() {
        let votes = |t4, t11, clinical| Votes { t4, t11, clinical };
        assert_eq!(rule(votes(true, true, false), Source::T4), "T4 and T11 agree: T4 stands");
        assert!(rule(votes(false, true, true), Source::T11).ends_with("decides for T11"));
    }

    #[test]
    fn the_clinical_ensemble_has_a_whisker_from_lowest_to_highest() {
        use thoracast_chart::Mark;
        let mut a = assessment(true, false, true, true);
        let plain = draw(&a, 760.0).marks;
        a.clinical.spread = Some([0.31, 0.78]);
        let chart = draw(&a, 760.0);
        check::assert_sound(&chart);
        let layout = Layout::new(&a, 760.0, (760.0_f32 / 64.0).clamp(8.0, 12.5), true);
        let full = layout.bar[1] - layout.bar[0];
        let whisker = |m: &&Mark| match m {
            Mark::Line { from, to, .. } => (to[0] - from[0] - 0.47 * full).abs() < 1e-2,
            _ => false,
        };
        assert_eq!(plain.iter().filter(whisker).count(), 0);
        assert_eq!(chart.marks.iter().filter(whisker).count(), 1);
        check::look(&chart, "votes-ensemble");
    }

    #[test]
    fn bars_are_as_long_as_their_probabilities() {
        use thoracast_chart::Mark;
        let a = assessment(true, false, true, true);
        let chart = draw(&a, 760.0);
        let layout = Layout::new(&a, 760.0, (760.0_f32 / 64.0).clamp(8.0, 12.5), true);
        let full = layout.bar[1] - layout.bar[0];
        for p in [a.t4.probability, a.t11.probability, a.clinical.probability] {
            let wanted = full * p as f32;
            let found = chart
                .marks
                .iter()
                .any(|m| matches!(m, Mark::Rect { rect, .. } if (rect.width - wanted).abs() < 1e-3));
            assert!(found, "no bar for {p}");
        }
    }
}
