import type { Catalogue } from '../catalogue.ts'

export const errors: Catalogue = {
  'error.title': 'Das geht so nicht',
  'error.title_ours': 'Etwas ist schiefgegangen',
  'error.title_not_found': 'Hier ist nichts',
  'error.title_expired': 'Diese Seite ist veraltet',
  'error.expired':
    'Diese Seite ist abgelaufen, oder ein anderer Tab ist an ihre Stelle getreten. Nichts ist verloren: Beginnen Sie von vorn, und Sie kommen dorthin, wohin Sie wollten.',
  'error.start_again': 'Noch einmal beginnen',
  'error.not_found': 'Diese Seite ist abgelaufen, gehört zu einem anderen Browser oder hat nie existiert.',
  'error.invalid_request': 'Die Anfrage ist unvollständig oder falsch.',
  'error.forbidden': 'Das ist nicht erlaubt.',
  'error.too_many_requests': 'Zu viele Versuche. Warten Sie etwas und versuchen Sie es dann noch einmal.',
  'error.temporarily_unavailable': 'Das geht im Augenblick nicht. Versuchen Sie es in einer Minute noch einmal.',
  'error.server_error': 'Das liegt an uns und nicht an Ihnen. Versuchen Sie es in einer Minute noch einmal.',
  'error.what_next':
    'Wenn Sie aus einer App kommen, gehen Sie dorthin zurück und versuchen Sie es noch einmal. Hilft das nicht, nennen Sie den Betreibern diese Nummer: {id}',
  'error.lacks_cookies':
    'Ihr Browser hat kein Cookie dieser Website geschickt, und ohne kann sich niemand anmelden. Erlauben Sie Cookies für diese Website und beginnen Sie von vorn.',
  'error.lacks_factor':
    'Die App verlangt eine stärkere Anmeldung, als Ihr Konto sie hat. Fügen Sie einen zweiten Faktor hinzu und kommen Sie dann zurück.',
  'error.add_factor': 'Zweiten Faktor hinzufügen',
  'error.detail': 'Einzelheiten',
}
