#include "dataplane/script/runner/prelude.h"

namespace sallyport::script {

const char kPrelude[] = R"js(
(function (native) {
  'use strict';
  var global = new Function('return this')();
  var parse = JSON.parse, stringify = JSON.stringify, isArray = Array.isArray;

  function text(value) {
    if (value === undefined || value === null) return '';
    return typeof value === 'object' && !(value instanceof Error) ? stringify(value) : String(value);
  }

  // {name: value or [values]} -> see(name, value)
  function eachField(fields, see) {
    if (fields === undefined || fields === null) return;
    if (typeof fields !== 'object') throw new TypeError('headers must be an object');
    Object.keys(fields).forEach(function (name) {
      var value = fields[name];
      (isArray(value) ? value : [value]).forEach(function (one) { see(name, text(one)); });
    });
  }

  function encodeForm(form) {
    return Object.keys(form).sort().map(function (name) {
      return [name, text(form[name])].map(function (part) {
        return encodeURIComponent(part).replace(/%20/g, '+').replace(/[!'()*]/g, function (c) {
          return '%' + c.charCodeAt(0).toString(16).toUpperCase();
        });
      }).join('=');
    }).join('&');
  }

  function ask(json, what) {
    var asked = typeof json === 'string' ? parse(json) : json;
    if (asked === null || typeof asked !== 'object') throw new TypeError(what + ' takes an object as JSON');
    return asked;
  }

  function define(name, value) {
    Object.defineProperty(global, name,
                          {value: value, writable: true, configurable: true, enumerable: false});
  }

  define('TykJsResponse', function (response, session_meta) {
    return stringify({Response: response, SessionMeta: session_meta});
  });

  // What comes behind a host must not become a part of it.
  function address(domain, resource) {
    var bare = domain.indexOf('/', domain.indexOf('://') + 3) < 0;
    var apart = resource === '' || resource.charAt(0) === '/' || resource.charAt(0) === '?';
    return domain + (bare && !apart ? '/' : '') + resource;
  }

  define('TykMakeHttpRequest', function (json) {
    var asked = ask(json, 'TykMakeHttpRequest');
    var body = text(asked.Body);
    if (body === '' && asked.FormData && Object.keys(asked.FormData).length > 0)
      body = encodeForm(asked.FormData);
    native.beginCalls();
    native.addCall(text(asked.Method), address(text(asked.Domain), text(asked.Resource)), body);
    eachField(asked.Headers, native.addField);
    native.call(false);
    var got = native.result(0);
    if (got === undefined) return undefined;
    return stringify({Code: got.code, Body: got.body, Headers: got.headers,
                      code: got.code, body: got.body, headers: got.headers});
  });

  define('TykBatchRequest', function (json) {
    var asked = ask(json, 'TykBatchRequest');
    var requests = asked.requests || [];
    if (!isArray(requests)) throw new TypeError('TykBatchRequest: requests must be a list');
    if (requests.length === 0) return '[]';
    native.beginCalls();
    requests.forEach(function (request) {
      native.addCall(text(request.method), text(request.relative_url), text(request.body));
      eachField(request.headers, native.addField);
    });
    native.call(Boolean(asked.suppress_parallel_execution));
    return stringify(requests.map(function (request, i) {
      var got = native.result(i);
      // As of a request that failed: nothing but its place in the list.
      if (got === undefined) return {relative_url: '', code: 0, headers: null, body: ''};
      return {relative_url: text(request.relative_url), code: got.code, headers: got.headers,
              body: got.body};
    }));
  });

  define('log', function (message) { native.log(text(message)); });
  define('rawlog', function (message) { native.log(text(message)); });

  function coded(coder) {
    return function (value) {
      try {
        return coder(text(value));
      } catch (error) {
        native.log('base64: ' + error);
        return undefined;
      }
    };
  }
  define('b64enc', coded(native.toBase64));
  define('b64dec', coded(native.fromBase64));
  define('rawb64enc', coded(function (value) { return native.toBase64(value).replace(/=+$/, ''); }));
  define('rawb64dec', coded(native.fromBase64));

  ['TykGetKeyData', 'TykSetKeyData', 'TykStoreData'].forEach(function (name) {
    define(name, function () {
      throw new Error(name + ' does not exist here: scripts cannot read or change keys');
    });
  });

  function sameMeta(one, other) {
    one = one || {};
    other = other || {};
    var names = Object.keys(one);
    return names.length === Object.keys(other).length &&
        names.every(function (name) { return text(one[name]) === text(other[name]); });
  }

  return function (f, request, session, config) {
    if (typeof f !== 'function') throw new TypeError('the script defines no such function');
    var meta = parse(stringify(session.meta_data));
    var returned = f(request, session, config);
    var answer = returned;
    if (typeof returned === 'string') {
      try {
        answer = parse(returned);
      } catch (error) {
        throw new TypeError('the function returned a string that is not JSON: TykJsResponse(...) makes one');
      }
    }
    var response = answer && answer.Response;
    if (response === null || typeof response !== 'object')
      throw new TypeError('the function returned no answer: TykJsResponse({Body, Headers, Code}, {})');
    var code = response.Code === undefined || response.Code === null ? 200 : Number(response.Code);
    if (!(code >= 200 && code <= 599) || code !== Math.floor(code))
      throw new RangeError('Code must be a number from 200 to 599');
    native.answer(code, text(response.Body), !sameMeta(answer.SessionMeta, meta));
    eachField(response.Headers, native.addAnswerField);
  };
})
)js";

}  // namespace sallyport::script
