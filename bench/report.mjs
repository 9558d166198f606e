import { describeMachine, measureFlush } from './machine.mjs'
import { methods } from './methods.mjs'

/** @typedef {import('./comparison.mjs').Row} Row */

const yesNo = (met) => (met === null ? '' : met ? 'yes' : 'no')

/** The rows for a terminal. @param {readonly Row[]} rows */
export function formatTable(rows) {
  const lines = rows.map(({ name, value, against, ratio, goal, met }) =>
    [
      name.padEnd(Math.max(...rows.map((row) => row.name.length))),
      String(value).padStart(9),
      String(against).padStart(9),
      ratio.toFixed(2).padStart(6),
      (goal ?? '').padEnd(8),
      yesNo(met),
    ].join('  '),
  )
  return lines.join('\n')
}

/** What else ran: ratios bear some of it, the p99 and whatever needs both cores do not. */
function describeOthers(others) {
  const entries = Object.entries(others)
  if (entries.length === 0) return ''
  const list = entries.map(([group, cores]) => `${group} ${Math.max(0, cores).toFixed(2)}`).join(', ')
  return `Cores that other programs used meanwhile, on average: ${list}. Above 0.1 the figures of a group are not to be trusted.\n`
}

/**
 * docs/benchmarks.md.
 * @param {{ rows: readonly Row[], groups: Record<string, Record<string, import('./rounds.mjs').Measured>>, others: Record<string, number>, bench: any }} result
 */
export function formatDocument({ rows, groups, others, bench }) {
  const { cores, processor, memory, system, node } = describeMachine()
  const goals = rows.filter((row) => row.goal !== null)
  const missed = goals.filter((row) => !row.met)
  return `# Benchmarks

Written by \`npm run bench\`; do not edit. The same figures for programs: \`bench/results.json\`.

Measured on ${cores} cores (${processor}), ${memory} of memory, ${system}, Node ${node}, over loopback. The disk of the databases
takes ${measureFlush()} µs to flush a page. The load generator,
the server and its upstream share the cores, so ratios say more than absolute figures. Every server was loaded alone at
64 connections, in ${bench.rounds} rounds of ${bench.seconds} s that take turns, after ${bench.warmUp} s of warming up; figures are medians.

${describeOthers(others)}
${goals.length - missed.length} of ${goals.length} goals are met.

| what | value | against | ratio | goal | met |
|---|--:|--:|--:|---|---|
${rows.map(({ name, value, against, ratio, goal, met }) => `| ${name} | ${value} | ${against} | ${ratio.toFixed(2)} | ${goal ?? ''} | ${yesNo(met)} |`).join('\n')}

## Per server

CPU is the processor time of all processes of a server, the system's share included: with Postgres those of the database,
with nginx those of the auth service. The upstream of the proxies does not count.

| group | server | per second | CPU µs each |
|---|---|--:|--:|
${Object.entries(groups)
  .flatMap(([group, measured]) => Object.values(measured).map((one) => ({ group, ...one })))
  .map(
    ({ group, name, rate, processor: share }) =>
      `| ${group} | ${name} | ${Math.round(rate)} | ${share?.toFixed(1) ?? ''} |`,
  )
  .join('\n')}

## How it was measured

${methods}
`
}
