import { renderErrorPage } from '../pages/error-page.ts'

/** What every page of sign-up, recovery and mailed links may answer; its refusals are pages too. */
export const mailedPage = {
  answers: { 200: null, 303: null },
  errors: ['invalid_request', 'forbidden', 'not_found', 'too_many_requests', 'temporarily_unavailable'] as const,
  errorPage: renderErrorPage,
}
