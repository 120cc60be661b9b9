// The one PostgreSQL backend of the process, and whose turn it is.

import { messages, query, rows } from './protocol.mjs'

const WAIT_MILLISECONDS = 20_000
// The backend takes a read buffer that ends with a message for the end of what it was sent, and
// forgets the rest.
const READ_BUFFER_BYTES = 8192

/** Hands the backend to one session at a time, from the first message of a transaction to its end. */
export class Backend {
  #pglite
  #holder = null
  #last = null
  #waiting = []

  constructor(pglite) {
    this.#pglite = pglite
  }

  /** Wait until it is `session`'s turn, and give the backend that session's settings. */
  async acquire(session) {
    if (this.#holder === session) return
    if (this.#holder) {
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          this.#waiting = this.#waiting.filter((waiting) => waiting.resolve !== resolve)
          reject(new Error(`another connection has had a transaction open for ${WAIT_MILLISECONDS} ms`))
        }, WAIT_MILLISECONDS)
        this.#waiting.push({ session, resolve, timer })
      })
    }
    this.#holder = session
    if (this.#last !== session) this.#switch(session)
  }

  /** Let the next session have its turn. */
  release(session) {
    if (this.#holder !== session) return
    const next = this.#waiting.shift()
    this.#holder = next ? next.session : null
    if (!next) return
    clearTimeout(next.timer)
    next.resolve()
  }

  /** Forget `session`, whose connection is closed. */
  forget(session) {
    if (this.#last === session) this.#last = null
  }

  /** Send a unit of messages to the backend and return its answer. */
  run(...unit) {
    return Buffer.concat(pieces(unit).map((piece) => Buffer.from(this.#pglite.execProtocolRawSync(piece))))
  }

  #switch(session) {
    if (this.#last) this.#last.settings = this.#settings()
    this.#last = session
    this.configure(session.settings)
  }

  /** Make `settings` the only ones that differ from the defaults. */
  configure(settings) {
    const set = Object.entries(settings).map(
      ([name, value]) => `SELECT set_config(${literal(name)}, ${literal(value)}, false)`,
    )
    const answer = this.run(query(['RESET ALL', ...set].join(';')))
    for (const { kind, bytes } of messages(answer)) {
      if (kind === 'E') throw new Error(bytes.toString('latin1').replaceAll('\0', ' '))
    }
  }

  #settings() {
    const answer = this.run(query("SELECT name, setting FROM pg_settings WHERE source = 'session'"))
    return Object.fromEntries(rows(answer))
  }
}

/** Join messages to pieces that fit the backend's read buffer, so none ends where the buffer does. */
function pieces(unit) {
  const joined = []
  let piece = []
  let length = 0
  for (const message of unit) {
    if (length && length + message.length > READ_BUFFER_BYTES - 1) {
      joined.push(Buffer.concat(piece))
      piece = []
      length = 0
    }
    piece.push(message)
    length += message.length
  }
  return [...joined, Buffer.concat(piece)]
}

const literal = (text) => `'${text.replaceAll("'", "''")}'`
