import type { Catalogue } from '../catalogue.ts'

export const signUp: Catalogue = {
  'links.forgot': '¿Ha olvidado su contraseña?',
  'links.sign_up': 'Crear una cuenta',
  'links.by_mail': 'Iniciar sesión por correo',
  'links.sign_in': 'Volver al inicio de sesión',
  'sign_up.title': 'Crear una cuenta',
  'sign_up.email': 'Correo electrónico',
  'sign_up.password': 'Contraseña, de al menos {minimum} caracteres',
  'sign_up.terms': 'Acepto las {terms}.',
  'sign_up.terms_name': 'condiciones de uso',
  'sign_up.terms_missing': 'No puede continuar sin aceptar las condiciones de uso.',
  'sign_up.submit': 'Crear la cuenta',
  'sign_up.have_account': 'Ya tengo una cuenta',
  'sign_up.bad_email': 'No se puede enviar correo a esta dirección. Revise cómo está escrita.',
  'sign_up.not_allowed': 'No es posible registrarse con esta dirección. Use la de su organización.',
  'mail_sent.title': 'Revise su correo',
  'mail_sent.sign_up':
    'Un mensaje con un enlace va camino de {email}. Abra el enlace antes de {minutes} minutos, mejor en este navegador.',
  'mail_sent.recovery':
    'Si existe una cuenta con este nombre y una dirección confirmada, un mensaje con un enlace va camino de ella. Ábralo antes de {minutes} minutos.',
  'mail_sent.sign_in_link':
    'Si existe una cuenta con este nombre y una dirección confirmada, un mensaje con un enlace va camino de ella. Ábralo en este mismo navegador antes de {minutes} minutos.',
  'mail_sent.sign_in_code':
    'Si existe una cuenta con este nombre y una dirección confirmada, un mensaje con un código va camino de ella. Escríbalo aquí antes de {minutes} minutos.',
  'mail_sent.nothing':
    '¿No ha llegado nada? Mire en la carpeta de correo no deseado y pídalo de nuevo en unos minutos.',
  'verify.title': 'Confirmar su dirección',
  'verify.text': 'Confirma que {email} es suya y habrá iniciado sesión.',
  'verify.choose_password':
    'La cuenta {email} está casi lista. Elija aquí su contraseña: la que se escribió en otro navegador no cuenta.',
  'verify.submit': 'Confirmar',
  'verify.change_text': '{email} pasa a ser la dirección de su cuenta {username}.',
  'verify.sign_in_first':
    'Inicie sesión en la cuenta cuya dirección va a cambiar y abra de nuevo el enlace del mensaje.',
  'verify.taken': 'Esta dirección ya pertenece a una cuenta. Inicie sesión o elija una contraseña nueva para ella.',
  'link_gone.title': 'Este enlace ya no sirve',
  'link_gone.text': 'Ya se ha usado, ha caducado o hay otro más reciente en su correo.',
  'link_gone.again': 'Pedir otro',
  'other_browser.title': 'Ábralo en el otro navegador',
  'other_browser.text':
    'Este enlace se pidió en otro navegador u otro dispositivo, y solo allí inicia sesión. Si usted no lo pidió, cierre esta página. Para iniciar sesión aquí, pida otro aquí.',
  'recover.title': '¿Ha olvidado su contraseña?',
  'recover.text': 'Le enviamos un enlace para elegir una nueva.',
  'recover.username': 'Nombre de usuario o correo electrónico',
  'recover.submit': 'Enviar el enlace',
  'recover.new_title': 'Elegir una contraseña nueva',
  'recover.for': 'Para su cuenta {username}. Después se cerrarán todas sus sesiones.',
  'recover.set': 'Guardar la contraseña',
  'recover.done_title': 'Tiene una contraseña nueva',
  'recover.done': 'Inicie sesión con ella. Si su cuenta tiene un segundo factor, se le seguirá pidiendo.',
  'mail_sign_in.title': 'Iniciar sesión por correo',
  'mail_sign_in.text': 'Enviamos un mensaje a la dirección de su cuenta.',
  'mail_sign_in.email_link': 'Enviar un enlace',
  'mail_sign_in.email_code': 'Enviar un código',
  'mail_sign_in.code': 'Código del mensaje',
  'mail_sign_in.wrong': 'El código no es correcto o ya no sirve.',
  'mail_sign_in.too_many': 'Demasiados mensajes o intentos. Espere {minutes} minutos o inicie sesión de otra forma.',
  'mail_sign_in.open_text': 'Inicia sesión como {username}.',
}
