// What a script is told, as values of the engine (engine_parts.h: no destructors here).
#include "dataplane/script/runner/engine_parts.h"

namespace sallyport::script {

// [[name, value]] -> {name: [values]}
void Engine::PushLists(duk_context* ctx, const Fields& fields) {
  duk_push_bare_object(ctx);
  duk_idx_t lists = duk_get_top_index(ctx);
  for (const auto& [name, value] : fields) {
    if (!duk_get_prop_lstring(ctx, lists, name.data(), name.size())) {
      duk_pop(ctx);
      duk_push_array(ctx);
      duk_dup_top(ctx);
      duk_put_prop_lstring(ctx, lists, name.data(), name.size());
    }
    PushText(ctx, value);
    duk_put_prop_index(ctx, -2, static_cast<duk_uarridx_t>(duk_get_length(ctx, -2)));
    duk_pop(ctx);
  }
  duk_get_global_string(ctx, "Object");
  duk_get_prop_string(ctx, -1, "prototype");
  duk_set_prototype(ctx, lists);
  duk_pop(ctx);
}

void Engine::PushNames(duk_context* ctx, const std::vector<std::string>& names) {
  duk_push_array(ctx);
  for (size_t i = 0; i < names.size(); ++i) {
    PushText(ctx, names[i]);
    duk_put_prop_index(ctx, -2, static_cast<duk_uarridx_t>(i));
  }
}

void Engine::PushRequest(duk_context* ctx) const {
  duk_push_object(ctx);
  SetText(ctx, "Method", run_.method);
  SetText(ctx, "URL", run_.url);
  SetText(ctx, "Scheme", run_.scheme);
  SetText(ctx, "Body", run_.body);
  PushLists(ctx, run_.fields);
  duk_put_prop_string(ctx, -2, "Headers");
  PushLists(ctx, run_.params);
  duk_put_prop_string(ctx, -2, "Params");
}

void Engine::PushSession(duk_context* ctx) const {
  const Session& session = run_.session;
  duk_push_object(ctx);
  duk_push_object(ctx);
  for (const auto& [name, value] : session.metadata) {
    PushText(ctx, value);
    duk_put_prop_lstring(ctx, -2, name.data(), name.size());
  }
  duk_put_prop_string(ctx, -2, "meta_data");
  if (!session.told) return;
  SetText(ctx, "alias", session.name);
  SetText(ctx, "org_id", session.org_id);
  PushNames(ctx, session.policy_ids);
  duk_put_prop_string(ctx, -2, "apply_policies");
  PushNames(ctx, session.tags);
  duk_put_prop_string(ctx, -2, "tags");
  duk_push_object(ctx);
  SetText(ctx, "name", session.name);
  SetText(ctx, "fingerprint", session.fingerprint);
  SetText(ctx, "subject", session.subject);
  duk_put_prop_string(ctx, -2, "identity");
}

void Engine::PushConfig(duk_context* ctx) const {
  duk_push_object(ctx);
  SetText(ctx, "OrgID", run_.org_id);
  SetText(ctx, "APIID", run_.api_id);
  if (run_.config_json.empty()) {
    duk_push_object(ctx);
  } else {
    PushText(ctx, run_.config_json);
    duk_json_decode(ctx, -1);
  }
  duk_put_prop_string(ctx, -2, "config_data");
}

}  // namespace sallyport::script
