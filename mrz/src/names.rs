//! The names field of a zone, and how names that are too long for it are truncated.
//!
//! Doc 9303-4 to 9303-6 (sections 4.2.2 and 4.2.3) and 9303-7 (4.2.3 and 7.2.3) leave the issuer
//! a choice of methods. This is the first of them, "components truncated to initials". It gives
//! the texts that those sections print for it:
//!
//! 1. If the surname leaves no room for two fillers and one letter of the given names, its
//!    components become initials, from the last towards the first, until it does. The first
//!    component only loses as many letters as it must.
//! 2. The given names get the rest of the field. Their components become initials in the same
//!    way; components that do not fit even so are dropped from the end.
//! 3. Letters return to the components that lost some as long as there is room. So the field
//!    ends with a letter, the sign that names may have been truncated.

/// Components of a name, each with the number of its letters that are kept.
struct Components<'a> {
    parts: &'a [String],
    /// One count for each component that is kept; those after the last are dropped.
    kept: Vec<usize>,
}

impl<'a> Components<'a> {
    fn new(parts: &'a [String]) -> Self {
        Self { parts, kept: parts.iter().map(String::len).collect() }
    }

    /// The number of characters, with one filler between two components.
    fn len(&self) -> usize {
        self.kept.iter().sum::<usize>() + self.kept.len().saturating_sub(1)
    }

    /// Removes letters until at most `room` characters are left. `room` is 1 or more.
    fn shrink(&mut self, room: usize) {
        for index in (1..self.kept.len()).rev() {
            if self.len() <= room {
                return;
            }
            self.kept[index] = 1;
        }
        // What the first component must leave to the others, with one letter of its own.
        while self.kept.len() > 1 && self.len() - self.kept[0] + 1 > room {
            self.kept.pop();
        }
        let excess = self.len().saturating_sub(room);
        if let Some(first) = self.kept.first_mut() {
            *first = first.saturating_sub(excess).max(1);
        }
    }

    /// Gives letters back, from the first component on, up to `room` characters.
    fn grow(&mut self, room: usize) {
        for (index, part) in self.parts.iter().enumerate().take(self.kept.len()) {
            let free = room.saturating_sub(self.len());
            self.kept[index] = (self.kept[index] + free).min(part.len());
        }
    }

    /// Adds the initial of the first dropped component.
    fn add_initial(&mut self) {
        if self.kept.len() < self.parts.len() {
            self.kept.push(1);
        }
    }

    /// Removes the last letter of the longest component, if that has two or more.
    fn drop_letter(&mut self) -> bool {
        match self.kept.iter_mut().max() {
            Some(longest) if *longest > 1 => {
                *longest -= 1;
                true
            }
            _ => false,
        }
    }

    fn text(&self) -> String {
        let parts = self.parts.iter().zip(&self.kept);
        parts.map(|(part, &kept)| &part[..kept]).collect::<Vec<_>>().join("<")
    }
}

/// The text of a names field with `room` characters, and whether names were truncated.
///
/// Components are of `A` to `Z` alone and none is empty. The text is not padded.
pub(crate) fn field(surname: &[String], given: &[String], room: usize) -> (String, bool) {
    let (mut surname, mut given) = (Components::new(surname), Components::new(given));
    let divider = if given.kept.is_empty() { 0 } else { 2 };
    let truncated = surname.len() + divider + given.len() > room;
    if truncated {
        let initial = if given.kept.is_empty() { 0 } else { 1 };
        surname.shrink(room - divider - initial);
        if !given.kept.is_empty() {
            let rest = room - divider - surname.len();
            given.shrink(rest);
            given.grow(rest);
        }
        surname.grow(room - divider - given.len());
        // One position is left where the next given name needs two, a filler and its initial.
        let full = surname.len() + divider + given.len() == room;
        if !full && given.kept.len() < given.parts.len() && surname.drop_letter() {
            given.add_initial();
        }
    }
    let text =
        if divider == 0 { surname.text() } else { format!("{}<<{}", surname.text(), given.text()) };
    (text, truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truncated(surname: &str, given: &str, room: usize) -> (String, bool) {
        let parts = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        field(&parts(surname), &parts(given), room)
    }

    #[test]
    fn names_that_fit_stay_whole() {
        // Doc 9303-4, 4.2.3.4, and 9303-5 and 9303-6, 4.2.3.3: a letter at the end all the same.
        for (given, room) in
            [("JONATHON WARREN TREVOR", 39), ("JONATHOON ALEC", 31), ("JONATHON ALEC", 30)]
        {
            let whole = format!("PAPANDROPOULOUS<<{}", given.replace(' ', "<"));
            assert_eq!(whole.len(), room);
            assert_eq!(truncated("PAPANDROPOULOUS", given, room), (whole, false));
        }
        assert_eq!(truncated("ARKFREITH", "", 39), ("ARKFREITH".into(), false));
    }

    #[test]
    fn the_first_method_of_doc_9303_truncates_given_names() {
        // Doc 9303-4, 9303-6 and 9303-5.
        let name = ("NILAVADHANANANDA", "CHAYAPA DEJTHAMRONG KRASUANG");
        for (room, text) in [
            (39, "NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"),
            (31, "NILAVADHANANANDA<<CHAYAPA<DEJ<K"),
            (30, "NILAVADHANANANDA<<CHAYAPA<DE<K"),
        ] {
            assert_eq!(truncated(name.0, name.1, room), (text.into(), true));
        }
        let text = "NILAVADHANANANDA<<ARNPOL<PETCH<CHARONGU";
        assert_eq!(
            truncated("NILAVADHANANANDA", "ARNPOL PETCH CHARONGUANG", 39),
            (text.into(), true)
        );
        let text = "VILARCHAO<FERNANDEZ<<JOSE<RAMO";
        assert_eq!(truncated("VILARCHAO FERNANDEZ", "JOSE RAMON", 30), (text.into(), true));
    }

    #[test]
    fn the_first_method_of_doc_9303_truncates_surnames() {
        let name = ("BENNELONG WOOLOOMOOLOO WARRANDYTE WARNAMBOOL", "DINGO POTOROO");
        for (room, text) in [
            (39, "BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI"),
            (31, "BENNELONG<WOOLOOMOOLOO<W<W<<D<P"),
            (30, "BENNELONG<WOOLOOMOOLOO<W<W<<DI"),
        ] {
            assert_eq!(truncated(name.0, name.1, room), (text.into(), true));
        }
    }

    #[test]
    fn names_at_the_edges() {
        let long = "A".repeat(45);
        assert_eq!(truncated(&long, "", 39).0, "A".repeat(39));
        assert_eq!(truncated(&long, "BEA", 39).0, format!("{}<<B", "A".repeat(36)));
        // The given name is shorter than the room that a dropped surname leaves.
        assert_eq!(truncated("ABCDEFGH IJKLMNOPQ RSTUV", "LI", 18).0, "ABCDEFGH<IJK<R<<LI");
        // One letter of the surname makes room for an initial.
        assert_eq!(truncated("ABCDEFGHIJ", "K LMN", 14).0, "ABCDEFGHI<<K<L");
        // Twenty initials alone: 39 characters are the most.
        let initials = ["A"; 25].join(" ");
        assert_eq!(truncated(&initials, "", 39).0, ["A"; 20].join("<"));
    }
}
