import type { Dialect } from '../dialect.ts'
import { type Runner, runSql } from '../runner.ts'

/** Every table, column and index as the database itself describes them: equal for equal schemas. */
export async function describeSchema(runner: Runner, dialect: Dialect): Promise<readonly unknown[]> {
  const statements =
    dialect.name === 'sqlite'
      ? ['select type, name, tbl_name, sql from sqlite_master order by type, name']
      : [
          `select table_name, ordinal_position, column_name, data_type, is_nullable, column_default, is_identity, collation_name
           from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position`,
          `select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by indexname`,
          `select relname, reloptions from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
        ]
  const described: unknown[] = []
  for (const statement of statements) described.push(...(await runSql(runner, statement)).rows)
  return described
}
