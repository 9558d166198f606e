import type { Catalogue } from '../catalogue.ts'

export const errors: Catalogue = {
  'error.title': 'Esto no funciona',
  'error.title_ours': 'Algo ha salido mal',
  'error.title_not_found': 'Aquí no hay nada',
  'error.title_expired': 'Esta página ya no es actual',
  'error.expired':
    'Esta página ha caducado, o la ha reemplazado otra pestaña. No se ha perdido nada: empiece de nuevo y llegará a donde quería ir.',
  'error.start_again': 'Empezar de nuevo',
  'error.not_found': 'Esta página ha caducado, pertenece a otro navegador o nunca existió.',
  'error.invalid_request': 'La solicitud está incompleta o no es correcta.',
  'error.forbidden': 'Esto no está permitido.',
  'error.too_many_requests': 'Demasiados intentos. Espere un poco e inténtelo de nuevo.',
  'error.temporarily_unavailable': 'No es posible en este momento. Inténtelo de nuevo dentro de un minuto.',
  'error.server_error': 'El error es nuestro y no suyo. Inténtelo de nuevo dentro de un minuto.',
  'error.what_next':
    'Si viene de una aplicación, vuelva a ella e inténtelo de nuevo. Si eso no ayuda, indique este número a sus responsables: {id}',
  'error.lacks_cookies':
    'Su navegador no ha enviado ninguna cookie de este sitio, y sin ellas nadie puede iniciar sesión. Permita las cookies de este sitio y empiece de nuevo.',
  'error.lacks_factor':
    'La aplicación pide un inicio de sesión más seguro que el que tiene su cuenta. Añada un segundo factor y vuelva.',
  'error.add_factor': 'Añadir un segundo factor',
  'error.detail': 'Detalles',
}
