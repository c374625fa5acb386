// What a script can have done, for the functions of the prelude (engine_parts.h: no destructors
// here).
#include <cstring>

#include "dataplane/script/runner/channel.h"
#include "dataplane/script/runner/engine_parts.h"
#include "dataplane/script/wire/text.h"

namespace sallyport::script {
namespace {

constexpr size_t kMostLogLine = 1024;
constexpr int kMostLogLines = 64;
constexpr size_t kMostCalls = 64;  // at once
constexpr size_t kMostFields = 256;

}  // namespace

void Engine::PushNative(duk_context* ctx) {
  static const duk_function_list_entry kFunctions[] = {
      {"beginCalls", BeginCalls, 0}, {"addCall", AddCall, 3},
      {"addField", AddField, 2},     {"call", MakeCalls, 1},
      {"result", ResultAt, 1},       {"log", Log, 1},
      {"toBase64", ToBase64, 1},     {"fromBase64", FromBase64, 1},
      {"answer", SetAnswer, 3},      {"addAnswerField", AddAnswerField, 2},
      {nullptr, nullptr, 0}};
  duk_push_object(ctx);
  duk_put_function_list(ctx, -1, kFunctions);
}

// The same of what goes out: all together is bounded.
void Engine::Take(duk_context* ctx, duk_idx_t index, std::string* to) {
  TakeText(ctx, index, to);
  taken_ += to->size();
  if (taken_ > kMostFrameBytes / 2) (void)duk_range_error(ctx, "more than may be sent at once");
}

duk_ret_t Engine::AddTo(duk_context* ctx, Fields* fields) {
  if (fields->size() >= kMostFields) return duk_range_error(ctx, "more headers than may be sent");
  auto& field = fields->emplace_back();
  Take(ctx, 0, &field.first);
  Take(ctx, 1, &field.second);
  return 0;
}

// What of an earlier one could not be sent is forgotten.
duk_ret_t Engine::BeginCalls(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.calls_.calls.clear();
  engine.taken_ = 0;
  return 0;
}

duk_ret_t Engine::AddCall(duk_context* ctx) {
  Engine& engine = Of(ctx);
  if (engine.calls_.calls.size() >= kMostCalls)
    return duk_range_error(ctx, "more requests than may be sent at once");
  Call& call = engine.calls_.calls.emplace_back();
  engine.Take(ctx, 0, &call.method);
  engine.Take(ctx, 1, &call.url);
  engine.Take(ctx, 2, &call.body);
  return 0;
}

duk_ret_t Engine::AddField(duk_context* ctx) {
  Engine& engine = Of(ctx);
  if (engine.calls_.calls.empty()) return DUK_RET_RANGE_ERROR;
  return engine.AddTo(ctx, &engine.calls_.calls.back().fields);
}

// Outside of the engine: may have objects of its own.
void Engine::Receive() {
  for (Call& call : calls_.calls) {
    for (std::string* const text : {&call.method, &call.url, &call.body}) *text = FromEngine(*text);
    for (auto& [name, value] : call.fields) name = FromEngine(name), value = FromEngine(value);
  }
  const size_t asked = calls_.calls.size();
  SendMessage(std::move(calls_));
  calls_ = {};
  taken_ = 0;
  ToScript message = ReceiveMessage();
  if (!std::holds_alternative<Results>(message)) _exit(1);
  results_ = std::get<Results>(std::move(message));
  results_.results.resize(asked);
  for (Result& result : results_.results) {
    result.body = ToEngine(result.body);
    for (auto& [name, value] : result.fields) name = ToEngine(name), value = ToEngine(value);
  }
}

duk_ret_t Engine::MakeCalls(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.calls_.in_turn = duk_to_boolean(ctx, 0) != 0;
  engine.Receive();
  return 0;
}

duk_ret_t Engine::ResultAt(duk_context* ctx) {
  const Engine& engine = Of(ctx);
  const duk_uint_t index = duk_to_uint(ctx, 0);
  if (index >= engine.results_.results.size() || !engine.results_.results[index].answered) return 0;
  const Result& result = engine.results_.results[index];
  duk_push_object(ctx);
  duk_push_uint(ctx, result.code);
  duk_put_prop_string(ctx, -2, "code");
  SetText(ctx, "body", result.body);
  PushLists(ctx, result.fields);
  duk_put_prop_string(ctx, -2, "headers");
  return 1;
}

duk_ret_t Engine::Log(duk_context* ctx) {
  Engine& engine = Of(ctx);
  if (engine.log_lines_ >= kMostLogLines) return 0;
  ++engine.log_lines_;
  engine.TakeText(ctx, 0, &engine.text_);
  engine.text_ = FromEngine(engine.text_);
  Bound(&engine.text_, kMostLogLine);
  SendMessage(LogLine{engine.text_});
  return 0;
}

duk_ret_t Engine::ToBase64(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.TakeText(ctx, 0, &engine.text_);
  engine.text_ = FromEngine(engine.text_);
  void* const bytes = duk_push_fixed_buffer(ctx, engine.text_.size());
  if (!engine.text_.empty()) std::memcpy(bytes, engine.text_.data(), engine.text_.size());
  duk_base64_encode(ctx, -1);
  return 1;
}

duk_ret_t Engine::FromBase64(duk_context* ctx) {
  Engine& engine = Of(ctx);
  duk_base64_decode(ctx, 0);
  duk_size_t size = 0;
  const auto* const bytes = static_cast<const char*>(duk_get_buffer_data(ctx, 0, &size));
  engine.text_ = size == 0 ? std::string() : ToEngine({bytes, size});
  PushText(ctx, engine.text_);
  return 1;
}

duk_ret_t Engine::SetAnswer(duk_context* ctx) {
  Engine& engine = Of(ctx);
  engine.answer_.code = duk_to_uint32(ctx, 0);
  engine.Take(ctx, 1, &engine.answer_.body);
  engine.answer_.session_changed = duk_to_boolean(ctx, 2) != 0;
  return 0;
}

duk_ret_t Engine::AddAnswerField(duk_context* ctx) {
  Engine& engine = Of(ctx);
  return engine.AddTo(ctx, &engine.answer_.fields);
}

}  // namespace sallyport::script
