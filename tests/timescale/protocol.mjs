// The little of PostgreSQL's wire protocol that sharing one backend takes.

const SSL_REQUEST = 80877103
const GSS_REQUEST = 80877104
const CANCEL_REQUEST = 80877102

// A unit is what the backend answers before it waits again: up to a Sync, Flush, Query or Function.
const ENDS_UNIT = new Set(['S', 'H', 'Q', 'F'].map((letter) => letter.charCodeAt(0)))

/** Cuts a stream of bytes into start-up packets and whole messages, however they were split. */
export class Frames {
  #pending = Buffer.alloc(0)
  #started = false

  /** Return the frames that `chunk` completes, as `{kind, bytes}`. */
  push(chunk) {
    this.#pending = this.#pending.length ? Buffer.concat([this.#pending, chunk]) : chunk
    const frames = []
    for (;;) {
      const head = this.#started ? 1 : 0
      if (this.#pending.length < head + 4) return frames
      const length = head + this.#pending.readUInt32BE(head)
      if (this.#pending.length < length) return frames
      const bytes = this.#pending.subarray(0, length)
      this.#pending = this.#pending.subarray(length)
      frames.push({ kind: this.#started ? String.fromCharCode(bytes[0]) : this.#startup(bytes), bytes })
    }
  }

  #startup(bytes) {
    const code = bytes.readUInt32BE(4)
    if (code === SSL_REQUEST || code === GSS_REQUEST) return 'encryption'
    if (code === CANCEL_REQUEST) return 'cancel'
    this.#started = true
    return 'startup'
  }
}

export const endsUnit = (bytes) => ENDS_UNIT.has(bytes[0])

/** The parameters of a start-up packet: user, database, and settings. */
export function startupParameters(bytes) {
  const words = bytes.subarray(8).toString().split('\0')
  const parameters = {}
  for (let i = 0; i + 1 < words.length && words[i]; i += 2) parameters[words[i]] = words[i + 1]
  return parameters
}

export function message(kind, ...parts) {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(`${part}\0`) : part)))
  const head = Buffer.alloc(5)
  head.write(kind, 0, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export const query = (sql) => message('Q', sql)

export const ready = (status) => message('Z', Buffer.from(status))

export function error(sqlstate, text) {
  const fields = ['SFATAL', 'VFATAL', `C${sqlstate}`, `M${text}`]
  return message('E', ...fields, Buffer.from([0]))
}

/** What a client is told once it is let in, without asking the backend. */
export function welcome(parameters) {
  const said = Object.entries(parameters).map(([name, value]) => message('S', name, value))
  return Buffer.concat([message('R', Buffer.alloc(4)), ...said, message('K', Buffer.alloc(8)), ready('I')])
}

/** Give the prepared statement that `bytes` names a name no other connection has. */
export function renameStatement(kind, bytes, prefix) {
  if (!"PBDC".includes(kind)) return { bytes, name: null }
  let at = 5
  if (kind === 'D' || kind === 'C') {
    if (bytes[5] !== 'S'.charCodeAt(0)) return { bytes, name: null }
    at = 6
  } else if (kind === 'B') at = bytes.indexOf(0, 5) + 1
  const end = bytes.indexOf(0, at)
  if (end === at) return { bytes, name: null }
  const name = prefix + bytes.subarray(at, end).toString()
  const renamed = Buffer.concat([bytes.subarray(0, at), Buffer.from(name), bytes.subarray(end)])
  renamed.writeUInt32BE(renamed.length - 1, 1)
  return { bytes: renamed, name }
}

/** The messages of a backend's answer. */
export function* messages(bytes) {
  for (let at = 0; at + 5 <= bytes.length; ) {
    const end = at + 1 + bytes.readUInt32BE(at + 1)
    yield { kind: String.fromCharCode(bytes[at]), bytes: bytes.subarray(at, end) }
    at = end
  }
}

/** The rows of an answer as arrays of text, for the few questions the server asks itself. */
export function rows(bytes) {
  const found = []
  for (const { kind, bytes: row } of messages(bytes)) {
    if (kind !== 'D') continue
    const values = []
    let at = 7
    for (let i = 0; i < row.readUInt16BE(5); i++) {
      const length = row.readInt32BE(at)
      at += 4
      values.push(length < 0 ? null : row.subarray(at, at + length).toString())
      at += Math.max(length, 0)
    }
    found.push(values)
  }
  return found
}
