// Opens the sealed answers: the other half of bench/turing/seal.py. SHA-256 is FIPS 180-4, PBKDF2 is RFC 8018.
"use strict";

const Seal = (() => {
  const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) >>> 0;
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const START = Uint32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
  const K = Uint32Array.from(primes, (p) => fraction(Math.cbrt(p)));
  const w = new Uint32Array(64);
  const rotate = (x, n) => (x >>> n) | (x << (32 - n));

  // One block of 16 words into the state of 8.
  function compress(state, block) {
    w.set(block);
    for (let i = 16; i < 64; i++) {
      const a = w[i - 15], b = w[i - 2];
      const s0 = rotate(a, 7) ^ rotate(a, 18) ^ (a >>> 3);
      const s1 = rotate(b, 17) ^ rotate(b, 19) ^ (b >>> 10);
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { state[i] += value; });
    return state;
  }

  // Words of a padded message; `before` counts the bytes that went into the state already.
  function padded(bytes, before) {
    const blocks = Math.ceil((bytes.length + 9) / 64);
    const view = new DataView(new ArrayBuffer(blocks * 64));
    bytes.forEach((byte, i) => view.setUint8(i, byte));
    view.setUint8(bytes.length, 0x80);
    view.setUint32(blocks * 64 - 4, (before + bytes.length) * 8);
    return Uint32Array.from({ length: blocks * 16 }, (_, i) => view.getUint32(i * 4));
  }

  function digest(bytes, state = START, before = 0) {
    const words = padded(bytes, before), result = state.slice();
    for (let i = 0; i < words.length; i += 16) compress(result, words.subarray(i, i + 16));
    return result;
  }

  function toBytes(words) {
    const view = new DataView(new ArrayBuffer(words.length * 4));
    words.forEach((word, i) => view.setUint32(i * 4, word));
    return new Uint8Array(view.buffer);
  }

  // HMAC's two half-finished states, for a key of at most 64 bytes.
  function hmacStates(key) {
    return [0x36, 0x5c].map((mask) => {
      const pad = new Uint8Array(64).fill(mask);
      key.forEach((byte, i) => { pad[i] ^= byte; });
      return compress(START.slice(), Uint32Array.from({ length: 16 }, (_, i) => new DataView(pad.buffer).getUint32(i * 4)));
    });
  }

  const pause = () => new Promise((resume) => { setTimeout(resume); });

  // PBKDF2-HMAC-SHA-256, one block of 32 bytes; gives way to the page every so often.
  async function stretch(password, salt, rounds, advance) {
    const [inner, outer] = hmacStates(password);
    let u = digest(toBytes(digest(Uint8Array.of(...salt, 0, 0, 0, 1), inner, 64)), outer, 64);
    const key = u.slice(), block = new Uint32Array(16);
    block[8] = 0x80000000;
    block[15] = (64 + 32) * 8;
    for (let round = 1; round < rounds; round++) {
      block.set(u);
      block.set(compress(inner.slice(), block));
      u = compress(outer.slice(), block);
      for (let i = 0; i < 8; i++) key[i] ^= u[i];
      if (round % 5000 === 0) { advance(round / rounds); await pause(); }
    }
    return toBytes(key);
  }

  async function open(sealed, quiz, rounds, advance) {
    const text = new TextEncoder(), data = Uint8Array.from(sealed.match(/../g), (pair) => parseInt(pair, 16));
    const key = await stretch(text.encode(quiz), text.encode("bench turing"), rounds, advance);
    for (let counter = 0; counter * 32 < data.length; counter++) {
      const stream = toBytes(digest(Uint8Array.of(...key, ...toBytes(Uint32Array.of(counter)))));
      for (let i = 0; i < 32 && counter * 32 + i < data.length; i++) data[counter * 32 + i] ^= stream[i];
    }
    const plain = data.subarray(0, -8), tag = toBytes(digest(plain)).subarray(0, 8);
    if (!tag.every((byte, i) => byte === data[plain.length + i])) throw new Error("The sealed answers are damaged.");
    return Array.from(plain, (byte) => byte === 1);
  }

  return { open };
})();
