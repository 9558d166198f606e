import type { UserId } from '@gatehouse/core/brand'
import type { RefusalRow } from '@gatehouse/store/rows'
import type { Store } from '@gatehouse/store/store'
import type { Command } from 'commander'
import { type ConfigurationOptions, withConfiguration, withStore } from './open.ts'
import { answer, formatMoment } from './output.ts'

/** `gatehouse explain`: why the gateway refused a request, by the decision id that the stranger was shown. */
export function addExplainCommand(program: Command): void {
  withConfiguration(program.command('explain'))
    .description('say why the gateway refused a request, by the decision_id of its answer')
    .argument('<decision-id>')
    .addHelpText(
      'after',
      '\nExample:\n  $ gatehouse explain dec_Jw3hXk0cT9pQm2aB\n\nExit code 1: nothing is kept under this id.\n',
    )
    .action(explain)
}

async function explain(id: string, options: ConfigurationOptions): Promise<void> {
  await withStore(options, async ({ store }) => {
    const row = await store.refusals.find(id)
    if (!row) {
      throw new Error(
        'nothing is kept under this id: it is mistyped, older than audit.keep_refusals, or was one of too many at once; look for it in the log',
      )
    }
    answer(options, row, describe(row, await findName(store, row)))
  })
}

const findName = async (store: Store, { subject }: RefusalRow): Promise<string | undefined> =>
  subject.startsWith('usr_') ? (await store.users.findById(subject as UserId))?.username : undefined // by its prefix

function describe(row: RefusalRow, username: string | undefined): string {
  const user = username === undefined ? row.subject : `${username} (${row.subject})`
  const caller = row.subject === '' ? 'nobody who is known' : `${user}, through the client ${row.client_id}`
  const lines: readonly (readonly [string, string])[] = [
    ['refused', `${row.status} ${row.code}, ${formatMoment(row.at)}`],
    ['asked', row.path === '' ? 'a request that could not be read' : `${row.method} ${row.host}${row.path}`],
    ['from', `${row.address} (${row.request_id})`],
    ['by', caller],
    ['route', row.route === '' ? 'none' : row.route],
    ['rule', row.rule === '' ? 'none of the route' : row.rule],
    ['found', row.reason],
    ['needed', row.needed],
  ]
  return lines.map(([name, value]) => `${`${name}:`.padEnd(9)}${value}`).join('\n')
}
