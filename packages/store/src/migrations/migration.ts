import type { RawBuilder, SchemaModule } from 'kysely'
import type { Dialect } from '../dialect.ts'

/** What a migration is handed: the schema builder and the words in which the two databases differ. */
export interface MigrationStep {
  readonly schema: SchemaModule
  readonly dialect: Dialect
  /** Runs what the schema builder has no words for. */
  run(statement: RawBuilder<unknown>): Promise<void>
}

/** One step of the schema, written once for both databases. It never changes after its release. */
export interface Migration {
  /** Four digits and words: the order is that of the names. */
  readonly name: string
  /**
   * For what a transaction may not hold, such as an index that Postgres builds concurrently. Must bear being repeated: drop
   * first what an attempt that was cut off may have left half built.
   */
  readonly outsideTransaction?: true
  up(step: MigrationStep): Promise<void>
}
