//! Words of a text, as they are searched for: without case, found by their beginnings. Scripts that put no space between
//! words are found by each of their characters.

use std::collections::BTreeSet;

/// Longer words are told apart by so many characters.
const WORD_CHARS_MAX: usize = 24;

/// The words of what somebody searches for.
pub(super) fn words(text: &str) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut word = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        if is_ideograph(letter) {
            words.insert(letter.to_string());
        } else if letter.is_alphanumeric() {
            word.push(letter);
            continue;
        }
        words.insert(std::mem::take(&mut word));
    }
    words.insert(word);
    words.remove("");
    words.into_iter().map(|word| word.chars().take(WORD_CHARS_MAX).collect()).collect()
}

/// All beginnings of the words of what is to be found.
pub(super) fn beginnings(text: &str) -> BTreeSet<String> {
    let mut beginnings = BTreeSet::new();
    for word in words(text) {
        let ends = word.char_indices().map(|(at, letter)| at + letter.len_utf8());
        beginnings.extend(ends.map(|end| word[..end].to_owned()));
    }
    beginnings
}

fn is_ideograph(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|&word| word.into()).collect()
    }

    #[test]
    fn words_are_what_stands_between_other_things() {
        assert_eq!(words("Land titles, data-bureau: §7 §7"), set(&["land", "titles", "data", "bureau", "7"]));
        assert_eq!(words("不动产 ÄRZTE"), set(&["不", "动", "产", "ärzte"]));
        assert_eq!(words(" -.- "), set(&[]));
        assert_eq!(words(&"x".repeat(100)), set(&[&"x".repeat(24)]));
    }

    #[test]
    fn a_word_is_found_by_its_beginning() {
        assert_eq!(beginnings("Äre"), set(&["ä", "är", "äre"]));
    }
}
