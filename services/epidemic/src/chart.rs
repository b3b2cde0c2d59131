//! Charts as SVG: bars over days or weeks, a limit as a line, alarms as points. Plain attributes and no styles or
//! scripts: it shows the same under the strictest policy.

use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 40.0;

/// One bar.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bar {
    /// Of the day or week, for people.
    pub(crate) label: String,
    /// None: withheld.
    pub(crate) count: Option<u64>,
    /// Above it the count alarms.
    pub(crate) upper: Option<f64>,
    pub(crate) alarm: bool,
}

/// A chart of a series.
#[derive(Clone, Debug)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

impl Chart {
    pub(crate) fn svg(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let title = escape(&self.title);
        write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             font-family=\"sans-serif\" font-size=\"12\"><title>{title}</title>\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\
             <text x=\"{LEFT}\" y=\"20\" font-size=\"14\" fill=\"#222222\">{title}</text>"
        )?;
        let highest = self.bars.iter().filter_map(|bar| bar.count).max().unwrap_or(0).max(1);
        let (floor, room) = (HEIGHT - BOTTOM, HEIGHT - TOP - BOTTOM);
        let scale = room / highest as f64;
        let step = (WIDTH - LEFT - RIGHT) / self.bars.len().max(1) as f64;
        for part in 0..=4_u64 {
            let y = floor - room * part as f64 / 4.0;
            let value = highest as f64 * part as f64 / 4.0;
            write!(
                out,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\" stroke=\"#dddddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">{value:.0}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0
            )?;
        }
        for (place, bar) in self.bars.iter().enumerate() {
            let x = LEFT + step * place as f64;
            let label = escape(&bar.label);
            let (height, fill, said) = match bar.count {
                Some(count) => (scale * count as f64, "#2f6f9f", count.to_string()),
                None => (room, "#eeeeee", "withheld".to_owned()),
            };
            write!(
                out,
                "<rect x=\"{x:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{height:.2}\" fill=\"{fill}\">\
                 <title>{label}: {said}</title></rect>",
                floor - height,
                (step * 0.9).max(0.5)
            )?;
            if bar.alarm {
                let y = floor - height - 5.0;
                write!(
                    out,
                    "<circle cx=\"{:.2}\" cy=\"{y:.2}\" r=\"3\" fill=\"#c0392b\"/>",
                    x + step * 0.45
                )?;
            }
        }
        self.limit(out, floor, scale, step)?;
        self.labels(out, step)?;
        out.push_str("</svg>");
        Ok(())
    }

    /// The limit, broken where there is none, and cut off at the top.
    fn limit(&self, out: &mut String, floor: f64, scale: f64, step: f64) -> std::fmt::Result {
        let mut path = String::new();
        let mut drawing = false;
        for (place, bar) in self.bars.iter().enumerate() {
            let Some(upper) = bar.upper else {
                drawing = false;
                continue;
            };
            let (x, y) = (LEFT + step * (place as f64 + 0.45), (floor - scale * upper).max(TOP - 8.0));
            write!(path, "{}{x:.2} {y:.2}", if drawing { 'L' } else { 'M' })?;
            drawing = true;
        }
        if path.is_empty() {
            return Ok(());
        }
        write!(out, "<path d=\"{path}\" fill=\"none\" stroke=\"#d98e04\" stroke-width=\"1\"/>")
    }

    /// At most eight labels along the bottom.
    fn labels(&self, out: &mut String, step: f64) -> std::fmt::Result {
        let every = self.bars.len().div_ceil(8).max(1);
        for (place, bar) in self.bars.iter().enumerate().step_by(every) {
            let x = LEFT + step * place as f64;
            let label = escape(&bar.label);
            write!(
                out,
                "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"#555555\">{label}</text>",
                HEIGHT - BOTTOM + 18.0
            )?;
        }
        Ok(())
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            letter if letter.is_control() => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_shown_becomes_markup() {
        let bars = vec![
            Bar { label: "<script>".into(), count: Some(3), upper: Some(1e9), alarm: true },
            Bar { label: "a&b\u{7}".into(), ..Bar::default() },
        ];
        let svg = Chart { title: "\"x'<".into(), bars }.svg();
        assert!(!svg.contains("<script>") && !svg.contains('\u{7}') && svg.ends_with("</svg>"));
        assert!(svg.contains("&lt;script&gt;: 3") && svg.contains("a&amp;b\u{fffd}: withheld"));
        assert!(svg.contains("&quot;x&apos;&lt;"));
    }

    #[test]
    fn a_chart_of_nothing_is_a_chart() {
        let svg = Chart { title: "none".into(), bars: Vec::new() }.svg();
        assert!(svg.starts_with("<svg") && !svg.contains("NaN") && !svg.contains("inf"));
    }
}
