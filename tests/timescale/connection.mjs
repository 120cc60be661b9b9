// One client's connection: reads its messages, takes turns at the backend, writes the answers.

import {
  Frames, endsUnit, error, message, messages, query, renameStatement, startupParameters, welcome,
} from './protocol.mjs'

const NO_SETTING = new Set(['user', 'database', 'replication', 'options'])
const COPY_IN = /^\s*COPY\b[^;]*\bFROM\s+STDIN\b/i
const RESET = /\bRESET\s+ALL\b/i
// PGlite's own are `pg_catalog` and the debug level.
const DEFAULTS = { search_path: '"$user", public', client_min_messages: 'notice' }
const SAID = {
  server_version: '17.5', server_encoding: 'UTF8', client_encoding: 'UTF8', DateStyle: 'ISO, MDY',
  TimeZone: 'GMT', integer_datetimes: 'on', standard_conforming_strings: 'on',
}

let connections = 0

export class Connection {
  settings = { ...DEFAULTS }
  #defaults = this.settings
  #socket
  #backend
  #frames = new Frames()
  #work = Promise.resolve()
  #unit = []
  #copy = null
  #statements = new Set()
  #prefix = `c${++connections}_`
  #status = 'I'

  constructor(socket, backend) {
    this.#socket = socket
    this.#backend = backend
    socket.on('data', (chunk) => {
      for (const frame of this.#frames.push(chunk)) {
        this.#work = this.#work.then(() => this.#take(frame)).catch((reason) => this.#fail(reason))
      }
    })
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#work = this.#work.then(() => this.#leave())
    })
  }

  async #take({ kind, bytes }) {
    if (kind === 'encryption') this.#socket.write('N')
    else if (kind === 'cancel' || kind === 'X') this.#socket.end()
    else if (kind === 'startup') this.#start(startupParameters(bytes))
    else if (this.#copy) await this.#collect(kind, bytes)
    else if (kind === 'Q' && COPY_IN.test(bytes.toString('utf8', 5, 2000))) this.#beginCopy(bytes)
    else await this.#add(kind, bytes)
  }

  #start(parameters) {
    for (const [name, value] of Object.entries(parameters)) {
      if (!NO_SETTING.has(name)) this.#defaults[name] = value
    }
    this.#socket.write(welcome({ ...SAID, ...this.#defaults }))
  }

  async #add(kind, bytes) {
    const renamed = renameStatement(kind, bytes, this.#prefix)
    if (kind === 'P' && renamed.name) this.#statements.add(renamed.name)
    if (kind === 'C' && renamed.name) this.#statements.delete(renamed.name)
    this.#unit.push(renamed.bytes)
    if (!endsUnit(bytes)) return
    const unit = this.#unit
    this.#unit = []
    await this.#send(unit)
    // What the start-up packet set is what RESET returns to; asyncpg's pool resets each time.
    if (kind === 'Q' && RESET.test(bytes.toString()) && this.#status === 'I') {
      await this.#backend.acquire(this)
      this.#backend.configure(this.#defaults)
      this.#backend.release(this)
    }
  }

  #beginCopy(bytes) {
    this.#copy = [bytes]
    this.#socket.write(message('G', Buffer.from([0, 0, 0])))
  }

  async #collect(kind, bytes) {
    this.#copy.push(bytes)
    if (kind !== 'c' && kind !== 'f') return
    // In one piece: the statement reads the data as it runs.
    const unit = [Buffer.concat(this.#copy)]
    this.#copy = null
    await this.#send(unit, 'G')
  }

  async #send(unit, without) {
    await this.#backend.acquire(this)
    let answer = this.#backend.run(...unit)
    const parts = [...messages(answer)]
    if (without) answer = Buffer.concat(parts.filter((part) => part.kind !== without).map((part) => part.bytes))
    const last = parts.at(-1)
    if (last?.kind === 'Z') this.#status = String.fromCharCode(last.bytes[5])
    if (last?.kind === 'Z' && this.#status === 'I') this.#backend.release(this)
    if (answer.length && this.#socket.writable) this.#socket.write(answer)
  }

  #fail(reason) {
    console.error(reason)
    this.#backend.release(this)
    if (reason instanceof WebAssembly.RuntimeError) process.exit(1)
    this.#socket.end(error('XX000', String(reason.message ?? reason)))
  }

  async #leave() {
    const last = [...this.#statements].map((name) => `DEALLOCATE "${name}"`)
    if (this.#status !== 'I' || last.length) {
      await this.#backend.acquire(this)
      if (this.#status !== 'I') this.#backend.run(query('ROLLBACK'))
      for (const statement of last) this.#backend.run(query(statement))
    }
    this.#backend.release(this)
    this.#backend.forget(this)
  }
}
