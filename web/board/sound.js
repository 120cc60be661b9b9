/** Two short tones for a change of status. */

const TONE_SECONDS = 0.35;
const VOLUME = 0.15;
/** In hertz. */
const TONES = { bad: [440, 330], warning: [520, 520], good: [523, 659] };
const WAIT_MS = 1_000;

export class Sound {
  /** @type {AudioContext | null} */
  #audio = null;

  /**
   * Play what a status sounds like; a browser may refuse it until somebody has clicked on the page.
   *
   * @param {import('../stream/series.js').Status} status
   */
  async play(status) {
    this.#audio ??= new AudioContext();
    const audio = this.#audio;
    if (audio.state !== 'running') {
      const waited = new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      await Promise.race([audio.resume(), waited]).catch(() => {});
    }
    // What cannot be heard now is not played later, when it is old.
    if (audio.state !== 'running') return;
    for (const [at, tone] of TONES[status].entries()) {
      const source = audio.createOscillator();
      const volume = audio.createGain();
      source.frequency.value = tone;
      volume.gain.value = VOLUME;
      source.connect(volume).connect(audio.destination);
      source.start(audio.currentTime + at * TONE_SECONDS);
      source.stop(audio.currentTime + (at + 1) * TONE_SECONDS * 0.9);
    }
  }
}
