import type { Catalogue } from '../catalogue.ts'

export const signUp: Catalogue = {
  'links.forgot': 'Passwort vergessen?',
  'links.sign_up': 'Konto anlegen',
  'links.by_mail': 'Mit einer E-Mail anmelden',
  'links.sign_in': 'Zurück zur Anmeldung',
  'sign_up.title': 'Konto anlegen',
  'sign_up.email': 'E-Mail-Adresse',
  'sign_up.password': 'Passwort, mindestens {minimum} Zeichen',
  'sign_up.terms': 'Ich stimme den {terms} zu.',
  'sign_up.terms_name': 'Nutzungsbedingungen',
  'sign_up.terms_missing': 'Ohne Zustimmung zu den Nutzungsbedingungen geht es nicht weiter.',
  'sign_up.submit': 'Konto anlegen',
  'sign_up.have_account': 'Ich habe schon ein Konto',
  'sign_up.bad_email': 'An diese Adresse kann keine Mail geschickt werden. Prüfen Sie die Schreibweise.',
  'sign_up.not_allowed': 'Mit dieser Adresse kann man sich nicht registrieren. Nehmen Sie die Ihrer Organisation.',
  'mail_sent.title': 'Sehen Sie in Ihre Mails',
  'mail_sent.sign_up':
    'Eine Mail mit einem Link ist unterwegs an {email}. Öffnen Sie den Link innerhalb von {minutes} Minuten, am besten in diesem Browser.',
  'mail_sent.recovery':
    'Wenn es zu diesem Namen ein Konto mit bestätigter Adresse gibt, ist eine Mail mit einem Link dorthin unterwegs. Öffnen Sie ihn innerhalb von {minutes} Minuten.',
  'mail_sent.sign_in_link':
    'Wenn es zu diesem Namen ein Konto mit bestätigter Adresse gibt, ist eine Mail mit einem Link dorthin unterwegs. Öffnen Sie ihn in genau diesem Browser, innerhalb von {minutes} Minuten.',
  'mail_sent.sign_in_code':
    'Wenn es zu diesem Namen ein Konto mit bestätigter Adresse gibt, ist eine Mail mit einem Code dorthin unterwegs. Geben Sie ihn innerhalb von {minutes} Minuten hier ein.',
  'mail_sent.nothing':
    'Nichts gekommen? Sehen Sie im Spam-Ordner nach, und fordern Sie es in einigen Minuten noch einmal an.',
  'verify.title': 'Adresse bestätigen',
  'verify.text': 'Sie bestätigen, dass {email} Ihnen gehört, und sind dann angemeldet.',
  'verify.choose_password':
    'Das Konto {email} ist fast fertig. Wählen Sie hier das Passwort: Eines, das in einem anderen Browser eingegeben wurde, zählt nicht.',
  'verify.submit': 'Bestätigen',
  'verify.change_text': '{email} wird die Adresse Ihres Kontos {username}.',
  'verify.sign_in_first':
    'Melden Sie sich bei dem Konto an, dessen Adresse sich ändern soll, und öffnen Sie dann den Link in der Mail noch einmal.',
  'verify.taken':
    'Zu dieser Adresse gibt es inzwischen ein Konto. Melden Sie sich an, oder wählen Sie ein neues Passwort dafür.',
  'link_gone.title': 'Dieser Link gilt nicht mehr',
  'link_gone.text': 'Er wurde schon benutzt, ist abgelaufen, oder es gibt einen neueren in Ihren Mails.',
  'link_gone.again': 'Neuen anfordern',
  'other_browser.title': 'Öffnen Sie ihn im anderen Browser',
  'other_browser.text':
    'Dieser Link wurde in einem anderen Browser oder auf einem anderen Gerät angefordert, und meldet nur dort an. Wenn Sie ihn nicht angefordert haben, schließen Sie diese Seite. Um sich hier anzumelden, fordern Sie hier einen neuen an.',
  'recover.title': 'Passwort vergessen?',
  'recover.text': 'Wir schicken Ihnen einen Link, mit dem Sie ein neues wählen können.',
  'recover.username': 'Benutzername oder E-Mail-Adresse',
  'recover.submit': 'Link schicken',
  'recover.new_title': 'Neues Passwort wählen',
  'recover.for': 'Für Ihr Konto {username}. Danach sind Sie überall abgemeldet.',
  'recover.set': 'Passwort setzen',
  'recover.done_title': 'Sie haben ein neues Passwort',
  'recover.done':
    'Melden Sie sich damit an. Wenn Ihr Konto einen zweiten Faktor hat, werden Sie weiter danach gefragt.',
  'mail_sign_in.title': 'Mit einer E-Mail anmelden',
  'mail_sign_in.text': 'Wir schicken eine Mail an die Adresse Ihres Kontos.',
  'mail_sign_in.email_link': 'Link schicken',
  'mail_sign_in.email_code': 'Code schicken',
  'mail_sign_in.code': 'Code aus der Mail',
  'mail_sign_in.wrong': 'Der Code stimmt nicht oder gilt nicht mehr.',
  'mail_sign_in.too_many':
    'Zu viele Mails oder Versuche. Warten Sie {minutes} Minuten, oder melden Sie sich anders an.',
  'mail_sign_in.open_text': 'Sie melden sich als {username} an.',
}
