//! What the shop sells, and the files its pages need.

use super::lang::Lang;
use super::melody;

/// How a good is shown once it is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Picture,
    Story,
    Sound,
}

/// A good; prices in yen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Good {
    /// Its name in addresses.
    pub(super) slug: &'static str,
    pub(super) kind: Kind,
    pub(super) yen: u64,
    name: (&'static str, &'static str),
    about: (&'static str, &'static str),
    pub(super) media: &'static str,
    pub(super) file_name: &'static str,
}

impl Good {
    pub(super) const fn name(&self, lang: Lang) -> &'static str {
        lang.say(self.name.0, self.name.1)
    }

    pub(super) const fn about(&self, lang: Lang) -> &'static str {
        lang.say(self.about.0, self.about.1)
    }

    /// The file that is delivered.
    pub(super) fn file(&self) -> Vec<u8> {
        match self.kind {
            Kind::Picture => include_bytes!("files/picture.svg").to_vec(),
            Kind::Story => {
                format!("{}\n\n* * *\n\n{}", story(Lang::En), story(Lang::Ja)).into_bytes()
            }
            Kind::Sound => melody::wav().to_vec(),
        }
    }
}

/// The story's text.
pub(super) const fn story(lang: Lang) -> &'static str {
    lang.say(include_str!("files/story.en.txt"), include_str!("files/story.ja.txt"))
}

/// Everything the shop sells.
pub(super) const GOODS: &[Good] = &[
    Good {
        slug: "ferry-at-first-light",
        kind: Kind::Picture,
        yen: 370,
        name: ("Ferry at First Light", "暁の渡し舟"),
        about: (
            "A colour print of the bay at dawn. Scales to any wall (SVG).",
            "夜明けの入り江を刷った一枚。どの壁の大きさにも合います（SVG）。",
        ),
        media: "image/svg+xml",
        file_name: "ferry-at-first-light.svg",
    },
    Good {
        slug: "the-clockmakers-change",
        kind: Kind::Story,
        yen: 120,
        name: ("The Clockmaker's Change", "時計屋のおつり"),
        about: (
            "A very short story about a shop that gave change in minutes. English and Japanese.",
            "おつりを分で返す時計屋の掌編。日本語と英語。",
        ),
        media: "text/plain; charset=utf-8",
        file_name: "the-clockmakers-change.txt",
    },
    Good {
        slug: "evening-strings",
        kind: Kind::Sound,
        yen: 240,
        name: ("Evening Strings", "夕べの箏"),
        about: (
            "Twelve seconds of plucked strings in the hirajōshi tuning (WAV).",
            "平調子の箏、十二秒（WAV）。",
        ),
        media: "audio/wav",
        file_name: "evening-strings.wav",
    },
];

/// The good of a name.
pub(super) fn find(slug: &str) -> Option<&'static Good> {
    GOODS.iter().find(|good| good.slug == slug)
}

/// A file that pages refer to: its media type and bytes.
pub(super) fn file_of_page(path: &str) -> Option<(&'static str, &'static [u8])> {
    const SVG: &str = "image/svg+xml";
    Some(match path {
        "/style.css" => ("text/css; charset=utf-8", include_bytes!("files/style.css")),
        "/icon.svg" => (SVG, include_bytes!("files/icon.svg")),
        "/covers/ferry-at-first-light.svg" => (SVG, include_bytes!("files/cover-picture.svg")),
        "/covers/the-clockmakers-change.svg" => (SVG, include_bytes!("files/cover-story.svg")),
        "/covers/evening-strings.svg" => (SVG, include_bytes!("files/cover-sound.svg")),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_good_has_its_cover_and_its_file() {
        for good in GOODS {
            assert!(file_of_page(&format!("/covers/{}.svg", good.slug)).is_some());
            assert!(good.file().len() > 1000);
            assert!(good.yen > 0);
            assert_eq!(find(good.slug).unwrap().slug, good.slug);
        }
        assert!(GOODS.iter().any(|good| good.yen == 370));
    }

    #[test]
    fn pictures_need_nothing_that_the_policy_forbids() {
        let svgs = GOODS.iter().map(|good| format!("/covers/{}.svg", good.slug));
        let covers = svgs.filter_map(|path| file_of_page(&path)).map(|(_, bytes)| bytes.to_vec());
        for svg in covers.chain([find("ferry-at-first-light").unwrap().file()]) {
            let text = String::from_utf8(svg).unwrap();
            for forbidden in ["style=", "<style", "<script", "href=", "url(http"] {
                assert!(!text.contains(forbidden), "{forbidden}");
            }
        }
    }
}
