//! A short melody on plucked strings, made by the algorithm of Karplus and Strong (Computer Music
//! Journal 7(2), 1983) in whole numbers, so that every machine makes the same file.

use std::sync::OnceLock;

/// Samples a second.
const RATE: u64 = 22_050;
/// Length, milliseconds.
const LENGTH_MS: u64 = 12_000;
/// How much of a sample is left when it has gone through the string, in 2^-15.
const DECAY: i64 = 32_590;
/// Loudness of a pluck.
const PLUCK: i64 = 6_500;

/// Strings of the hirajōshi tuning on D, in thousandths of a hertz.
const STRINGS: [u64; 9] =
    [146_832, 195_998, 220_000, 233_082, 293_665, 311_127, 391_995, 440_000, 466_164];

/// What is played: when, milliseconds, and on which string.
const SCORE: &[(u64, usize)] = &[
    (0, 0),
    (0, 4),
    (450, 5),
    (900, 6),
    (1350, 7),
    (1800, 8),
    (2400, 7),
    (2700, 6),
    (3000, 5),
    (3600, 4),
    (3600, 1),
    (4500, 3),
    (4800, 4),
    (5100, 5),
    (5400, 7),
    (6000, 6),
    (6000, 2),
    (6450, 5),
    (6900, 4),
    (7350, 3),
    (7800, 2),
    (8100, 3),
    (8400, 4),
    (9000, 1),
    (9000, 6),
    (9300, 5),
    (9600, 4),
    (10_050, 0),
    (10_050, 2),
    (10_050, 4),
];

/// The melody as a WAV file: mono, 16 bits.
pub(super) fn wav() -> &'static [u8] {
    static MADE: OnceLock<Vec<u8>> = OnceLock::new();
    MADE.get_or_init(|| file(&samples()))
}

fn samples() -> Vec<i64> {
    let length = usize::try_from(LENGTH_MS * RATE / 1000).unwrap_or(0);
    let mut mixed = vec![0; length];
    for (seed, (at_ms, string)) in (1_u64..).zip(SCORE) {
        let start = usize::try_from(at_ms * RATE / 1000).unwrap_or(0);
        let Some(pitch) = STRINGS.get(*string) else { continue };
        if let Some(rest) = mixed.get_mut(start..) {
            pluck(rest, *pitch, seed);
        }
    }
    mixed
}

/// Adds one plucked string. A sample is the mean of the two that are one period old, a little
/// quieter; the fraction of the period is interpolated so that the string is in tune.
fn pluck(sound: &mut [i64], pitch_mhz: u64, seed: u64) {
    // The mean of two neighbours is half a sample old already.
    let period = (RATE * 1000 * 256 / pitch_mhz).saturating_sub(128);
    let whole = usize::try_from(period / 256).unwrap_or(2).max(2);
    let fraction = i64::try_from(period % 256).unwrap_or(0);
    let mut string = vec![0; sound.len()];
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for at in 0..string.len() {
        let value = if at < whole {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            if state >> 63 == 1 { PLUCK } else { -PLUCK }
        } else {
            let old = |more: usize| at.checked_sub(whole + more).and_then(|at| string.get(at));
            let old = |more| old(more).copied().unwrap_or(0);
            let near = (old(0) + old(1)) / 2;
            let far = (old(1) + old(2)) / 2;
            ((near * (256 - fraction) + far * fraction) / 256 * DECAY) >> 15
        };
        if let Some(sample) = string.get_mut(at) {
            *sample = value;
        }
    }
    sound.iter_mut().zip(string).for_each(|(sample, added)| *sample += added);
}

/// RIFF WAVE, PCM.
fn file(samples: &[i64]) -> Vec<u8> {
    let rate = u32::try_from(RATE).unwrap_or(u32::MAX);
    let size = u32::try_from(samples.len() * 2).unwrap_or(0);
    let mut bytes = Vec::with_capacity(samples.len() * 2 + 44);
    bytes.extend(b"RIFF");
    bytes.extend(size.saturating_add(36).to_le_bytes());
    bytes.extend(b"WAVEfmt ");
    bytes.extend(16_u32.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(1_u16.to_le_bytes());
    bytes.extend(rate.to_le_bytes());
    bytes.extend(rate.saturating_mul(2).to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(16_u16.to_le_bytes());
    bytes.extend(b"data");
    bytes.extend(size.to_le_bytes());
    for sample in samples {
        let bounded = (*sample).clamp(i64::from(i16::MIN), i64::from(i16::MAX));
        bytes.extend(i16::try_from(bounded).unwrap_or(0).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_heard_and_not_distorted() {
        let samples = samples();
        let loudest = samples.iter().map(|sample| sample.abs()).max().unwrap();
        assert!((8_000..32_768).contains(&loudest), "{loudest}");
        let end = &samples[samples.len() - 200..];
        assert!(end.iter().all(|sample| sample.abs() < loudest / 4));
    }

    #[test]
    fn strings_are_in_tune() {
        // Counted from its first period on, a string repeats itself after rate / pitch samples.
        let mut sound = vec![0; 20_000];
        pluck(&mut sound, STRINGS[4], 1);
        let window = &sound[8_000..12_000];
        let likeness = |lag: usize| -> i64 {
            let later = &sound[8_000 + lag..12_000 + lag];
            window.iter().zip(later).map(|(a, b)| a * b / 1024).sum()
        };
        let best = (60..90).max_by_key(|lag| likeness(*lag)).unwrap();
        assert_eq!(best, 75, "22050 Hz / 293.665 Hz = 75.09");
    }

    #[test]
    fn it_is_a_wave_file() {
        let wav = wav();
        assert_eq!(&wav[..4], b"RIFF");
        assert_eq!(u32::from_le_bytes(wav[4..8].try_into().unwrap()) as usize, wav.len() - 8);
        assert_eq!(&wav[8..16], b"WAVEfmt ");
    }
}
