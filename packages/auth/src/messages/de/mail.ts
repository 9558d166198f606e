import type { Catalogue } from '../catalogue.ts'

export const mail: Catalogue = {
  'mail.sign_up.subject': 'Bestätigen Sie Ihre Adresse für {brand}',
  'mail.sign_up.text':
    'Jemand, hoffentlich Sie, legt mit dieser Adresse ein Konto bei {brand} an. Bestätigen Sie, dass sie Ihnen gehört:',
  'mail.sign_up.link': 'Adresse bestätigen',
  'mail.invitation.subject': 'Einladung zu {brand}',
  'mail.invitation.text': 'Sie sind eingeladen, ein Konto bei {brand} anzulegen:',
  'mail.invitation.link': 'Einladung annehmen',
  'mail.organisation_invitation.subject': 'Einladung zu {organisation}',
  'mail.organisation_invitation.text':
    '{organisation} lädt Sie ein, ihr bei {brand} beizutreten. Nehmen Sie mit dem Konto an, das diese Adresse hat:',
  'mail.organisation_invitation.link': 'Einladung ansehen',
  'mail.change_email.subject': 'Bestätigen Sie Ihre neue Adresse für {brand}',
  'mail.change_email.text':
    'Diese Adresse soll von nun an zu einem Konto bei {brand} gehören. Bestätigen Sie, dass sie Ihnen gehört:',
  'mail.change_email.link': 'Adresse bestätigen',
  'mail.recovery.subject': 'Ein neues Passwort für {brand}',
  'mail.recovery.text':
    'Jemand, hoffentlich Sie, hat das Passwort Ihres Kontos bei {brand} vergessen. Wählen Sie hier ein neues:',
  'mail.recovery.link': 'Neues Passwort wählen',
  'mail.sign_in_link.subject': 'Anmelden bei {brand}',
  'mail.sign_in_link.text':
    'Öffnen Sie diesen Link in dem Browser, in dem Sie ihn angefordert haben, und Sie sind bei {brand} angemeldet:',
  'mail.sign_in_link.link': 'Anmelden',
  'mail.sign_in_code.subject': 'Ihr Code für {brand}',
  'mail.sign_in_code.text':
    'Geben Sie diesen Code in dem Browser ein, in dem Sie ihn angefordert haben, und Sie sind bei {brand} angemeldet:',
  'mail.account_exists.subject': 'Sie haben ein Konto bei {brand}',
  'mail.account_exists.text':
    'Jemand, vielleicht Sie, wollte mit dieser Adresse ein Konto bei {brand} anlegen. Es gibt schon eines: Melden Sie sich an, oder wählen Sie ein neues Passwort, wenn Sie Ihres vergessen haben.',
  'mail.account_exists.link': 'Anmelden',
  'mail.approval_request.subject': 'Eine Anfrage bei {brand} wartet auf Ihre Zustimmung',
  'mail.approval_request.text':
    '„{client}“ bittet um die Zustimmung Ihres Kontos {username} bei {brand}. Sehen Sie nach, worum es geht, und erlauben Sie es oder lehnen Sie es ab:',
  'mail.approval_request.says': 'Dazu heißt es: „{message}“',
  'mail.approval_request.link': 'Anfrage ansehen',
  'mail.approval_request.until': 'Sie können bis {time} entscheiden. Ohne Ihre Antwort wird nichts erlaubt.',
  'mail.approval_request.not_begun':
    'Wenn Sie das nicht selbst begonnen haben, lehnen Sie es ab: Vielleicht will jemand anderes in Ihrem Namen handeln.',
  'mail.password_changed.subject': 'Ihr Passwort für {brand} wurde geändert',
  'mail.password_changed.text':
    'Das Passwort Ihres Kontos {username} wurde geändert, und alle Sitzungen wurden beendet.',
  'mail.factor_added.subject': 'Eine Anmeldung für {brand} ist dazugekommen',
  'mail.factor_added.text': '„{what}“ gehört jetzt zu Ihrem Konto {username}: Damit kann man sich anmelden.',
  'mail.factor_removed.subject': 'Eine Anmeldung für {brand} wurde entfernt',
  'mail.factor_removed.text':
    '„{what}“ wurde von Ihrem Konto {username} entfernt: Damit kann man sich nicht mehr anmelden.',
  'mail.recovery_codes_renewed.subject': 'Sie haben neue Wiederherstellungscodes für {brand}',
  'mail.recovery_codes_renewed.text':
    'Für Ihr Konto {username} wurden neue Wiederherstellungscodes erzeugt. Die alten gelten nicht mehr.',
  'mail.email_changed.subject': 'Ihre Adresse bei {brand} wurde geändert',
  'mail.email_changed.text': 'Ihr Konto {username} gehört jetzt zur Adresse {what}. Hierher kommen keine Mails mehr.',
  'mail.account_deleted.subject': 'Ihr Konto bei {brand} wurde gelöscht',
  'mail.account_deleted.text': 'Ihr Konto {username} und alles, was dazugehörte, wurde gelöscht.',
  'mail.sign_in_mails_stopped.subject': 'Viele Mails zum Anmelden bei {brand} angefordert',
  'mail.sign_in_mails_stopped.text':
    'Jemand fordert immer wieder Mails an, mit denen man sich bei Ihrem Konto {username} anmelden kann. Für einige Minuten verschicken wir keine mehr.',
  'mail.requests_stopped.subject': 'Viele Anfragen bei {brand} warten auf Ihre Zustimmung',
  'mail.requests_stopped.text':
    '„{what}“ bittet immer wieder um die Zustimmung Ihres Kontos {username}. Für einige Minuten wird nichts mehr angenommen. Stimmen Sie nur dem zu, was Sie selbst begonnen haben.',
  'mail.link_good_for': 'Der Link gilt einmal, innerhalb von {minutes} Minuten.',
  'mail.link_good_for_days': 'Der Link gilt einmal, innerhalb von {days} Tagen.',
  'mail.not_asked_for': 'Wenn Sie das nicht angefordert haben, brauchen Sie nichts zu tun: Es ändert sich nichts.',
  'mail.code_good_for': 'Der Code gilt einmal, innerhalb von {minutes} Minuten.',
  'mail.code_for_nobody':
    'Geben Sie ihn niemandem: Wer Sie danach fragt, ist nicht von uns. Wenn Sie ihn nicht angefordert haben, brauchen Sie nichts zu tun.',
  'mail.when': 'Wann: {time}.',
  'mail.from_address': 'Von der Adresse {address}.',
  'mail.look_after': 'Zu Ihrem Konto',
  'mail.not_you':
    'Wenn Sie das nicht waren, wählen Sie sofort ein neues Passwort, und sagen Sie es denen, die diesen Dienst betreiben.',
  'inbox.title': 'Posteingang des Entwicklungsmodus',
  'inbox.none': 'Noch wurde niemandem etwas geschickt.',
  'inbox.code': 'Code:',
  'inbox.source': 'HTML der Mail',
}
