/** The signal of success: two short notes and a vibration. */

/** A rising fourth; hertz. */
const NOTES = [660, 880];
const NOTE_SECONDS = 0.09;
const LOUDNESS = 0.12;
const VIBRATION_MS = 70;

/** Plays the signal unless muted. Browsers allow sound only after a press; see `ready`. */
export class Signal {
  #audio: AudioContext | undefined;
  muted = false;

  /** Call this while a press is being handled. */
  ready(): void {
    if (typeof AudioContext === "undefined") return;
    this.#audio ??= new AudioContext();
    // This rejects if the browser wants another press: then there is no sound.
    this.#audio.resume().catch(() => undefined);
  }

  /** Plays the signal. */
  done(): void {
    if (this.muted) return;
    navigator.vibrate?.(VIBRATION_MS);
    const audio = this.#audio;
    if (audio?.state !== "running") return;
    NOTES.forEach((frequency, index) => {
      const begin = audio.currentTime + index * NOTE_SECONDS;
      const note = new OscillatorNode(audio, { frequency });
      const volume = new GainNode(audio, { gain: 0 });
      // Fade in and out, because a note that is cut off clicks.
      volume.gain.setValueAtTime(0, begin);
      volume.gain.linearRampToValueAtTime(LOUDNESS, begin + NOTE_SECONDS / 5);
      volume.gain.linearRampToValueAtTime(0, begin + NOTE_SECONDS);
      note.connect(volume).connect(audio.destination);
      note.start(begin);
      note.stop(begin + NOTE_SECONDS);
    });
  }
}
