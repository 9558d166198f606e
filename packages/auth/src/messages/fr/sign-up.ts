import type { Catalogue } from '../catalogue.ts'

export const signUp: Catalogue = {
  'links.forgot': 'Mot de passe oublié ?',
  'links.sign_up': 'Créer un compte',
  'links.by_mail': 'Se connecter par e-mail',
  'links.sign_in': 'Retour à la connexion',
  'sign_up.title': 'Créer un compte',
  'sign_up.email': 'Adresse e-mail',
  'sign_up.password': 'Mot de passe, au moins {minimum} caractères',
  'sign_up.terms': 'J’accepte les {terms}.',
  'sign_up.terms_name': 'conditions d’utilisation',
  'sign_up.terms_missing': 'Vous ne pouvez pas continuer sans accepter les conditions d’utilisation.',
  'sign_up.submit': 'Créer le compte',
  'sign_up.have_account': 'J’ai déjà un compte',
  'sign_up.bad_email': 'Aucun message ne peut être envoyé à cette adresse. Vérifiez l’orthographe.',
  'sign_up.not_allowed': 'Cette adresse ne permet pas de s’inscrire. Utilisez celle de votre organisation.',
  'mail_sent.title': 'Consultez vos e-mails',
  'mail_sent.sign_up':
    'Un message avec un lien est en route vers {email}. Ouvrez le lien dans les {minutes} minutes, de préférence dans ce navigateur.',
  'mail_sent.recovery':
    'S’il existe un compte de ce nom avec une adresse confirmée, un message avec un lien y est en route. Ouvrez-le dans les {minutes} minutes.',
  'mail_sent.sign_in_link':
    'S’il existe un compte de ce nom avec une adresse confirmée, un message avec un lien y est en route. Ouvrez-le dans ce navigateur même, dans les {minutes} minutes.',
  'mail_sent.sign_in_code':
    'S’il existe un compte de ce nom avec une adresse confirmée, un message avec un code y est en route. Saisissez-le ici dans les {minutes} minutes.',
  'mail_sent.nothing': 'Rien n’est arrivé ? Regardez dans les indésirables, puis redemandez dans quelques minutes.',
  'verify.title': 'Confirmer votre adresse',
  'verify.text': 'Vous confirmez que {email} est à vous, et vous êtes connecté.',
  'verify.choose_password':
    'Le compte {email} est presque prêt. Choisissez ici son mot de passe : celui qui a été saisi dans un autre navigateur ne compte pas.',
  'verify.submit': 'Confirmer',
  'verify.change_text': '{email} devient l’adresse de votre compte {username}.',
  'verify.sign_in_first': 'Connectez-vous au compte dont l’adresse doit changer, puis rouvrez le lien du message.',
  'verify.taken':
    'Cette adresse appartient désormais à un compte. Connectez-vous, ou choisissez-lui un nouveau mot de passe.',
  'link_gone.title': 'Ce lien n’est plus valable',
  'link_gone.text': 'Il a déjà servi, a expiré, ou il y en a un plus récent dans vos e-mails.',
  'link_gone.again': 'En demander un autre',
  'other_browser.title': 'Ouvrez-le dans l’autre navigateur',
  'other_browser.text':
    'Ce lien a été demandé dans un autre navigateur ou sur un autre appareil, et ne connecte que là. Si vous ne l’avez pas demandé, fermez cette page. Pour vous connecter ici, demandez-en un autre ici.',
  'recover.title': 'Mot de passe oublié ?',
  'recover.text': 'Nous vous envoyons un lien pour en choisir un nouveau.',
  'recover.username': 'Nom d’utilisateur ou adresse e-mail',
  'recover.submit': 'Envoyer le lien',
  'recover.new_title': 'Choisir un nouveau mot de passe',
  'recover.for': 'Pour votre compte {username}. Vous êtes ensuite déconnecté partout.',
  'recover.set': 'Définir le mot de passe',
  'recover.done_title': 'Vous avez un nouveau mot de passe',
  'recover.done': 'Connectez-vous avec. Si votre compte a un second facteur, il vous sera toujours demandé.',
  'mail_sign_in.title': 'Se connecter par e-mail',
  'mail_sign_in.text': 'Nous envoyons un message à l’adresse de votre compte.',
  'mail_sign_in.email_link': 'Envoyer un lien',
  'mail_sign_in.email_code': 'Envoyer un code',
  'mail_sign_in.code': 'Code du message',
  'mail_sign_in.wrong': 'Le code n’est pas juste, ou n’est plus valable.',
  'mail_sign_in.too_many':
    'Trop de messages ou de tentatives. Attendez {minutes} minutes, ou connectez-vous autrement.',
  'mail_sign_in.open_text': 'Vous vous connectez en tant que {username}.',
}
