import { renderCommandLinePage } from './command-line-page.ts'
import { renderConfigurationPage, renderConfigurationSchema } from './configuration-page.ts'
import { renderConformancePage } from './conformance-page.ts'
import { renderEndpointsPage, renderErrorsPage } from './endpoints-page.ts'

/** Every generated document, by its path from the project's folder, which is `root`. */
export async function renderDocuments(root: string): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ['docs/configuration.md', renderConfigurationPage()],
    ['docs/gatehouse.schema.json', renderConfigurationSchema()],
    ['docs/endpoints.md', await renderEndpointsPage()],
    ['docs/errors.md', renderErrorsPage()],
    ['docs/cli.md', renderCommandLinePage()],
    ['docs/CONFORMANCE.md', renderConformancePage(root)],
  ])
}
