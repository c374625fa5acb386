#include "authsvc/dialects/proto_fill.h"

#include <google/protobuf/descriptor.h>

#include <cmath>
#include <limits>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/suggest.h"

namespace sallyport::authsvc::dialects {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// One value for one field: set, or add when the field is repeated.
class Filler {
 public:
  Filler(Message* message, const FieldDescriptor* field, const Node& value, std::string path,
         Conversion* out)
      : message_(message), field_(field), value_(value), path_(std::move(path)), out_(out) {}

  void Fill() {
    switch (field_->cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL: return Bool();
      case FieldDescriptor::CPPTYPE_STRING: return Text();
      case FieldDescriptor::CPPTYPE_ENUM: return Enum();
      case FieldDescriptor::CPPTYPE_DOUBLE: return Double();
      case FieldDescriptor::CPPTYPE_INT32:
        return Integer<int32_t>(&Reflection::SetInt32, &Reflection::AddInt32);
      case FieldDescriptor::CPPTYPE_INT64:
        return Integer<int64_t>(&Reflection::SetInt64, &Reflection::AddInt64);
      case FieldDescriptor::CPPTYPE_UINT32:
        return Integer<uint32_t>(&Reflection::SetUInt32, &Reflection::AddUInt32);
      case FieldDescriptor::CPPTYPE_UINT64:
        return Integer<uint64_t>(&Reflection::SetUInt64, &Reflection::AddUInt64);
      case FieldDescriptor::CPPTYPE_MESSAGE: return Nested();
      default: return Refuse("this field cannot be written in a document");
    }
  }

 private:
  void Refuse(absl::string_view what) { out_->Refuse(path_, &value_, what); }
  void Wrong(absl::string_view wanted) {
    Refuse(absl::StrCat("must be ", wanted, ", is ", TypeName(value_.type)));
  }
  const Reflection& reflection() const { return *message_->GetReflection(); }

  void Bool() {
    if (value_.type != Node::Type::kBool) return Wrong("true or false");
    if (field_->is_repeated())
      reflection().AddBool(message_, field_, value_.boolean);
    else
      reflection().SetBool(message_, field_, value_.boolean);
  }

  void Text() {
    std::string text;
    if (!AsText(value_, &text)) return Wrong("a string");
    if (field_->type() == FieldDescriptor::TYPE_BYTES) {
      std::string bytes;
      if (!absl::Base64Unescape(text, &bytes)) return Refuse("must be Base64");
      text = std::move(bytes);
    }
    if (field_->is_repeated())
      reflection().AddString(message_, field_, text);
    else
      reflection().SetString(message_, field_, text);
  }

  void Double() {
    if (!value_.IsNumber() || !std::isfinite(value_.number)) return Wrong("a number");
    if (field_->is_repeated())
      reflection().AddDouble(message_, field_, value_.number);
    else
      reflection().SetDouble(message_, field_, value_.number);
  }

  template <typename T>
  void Integer(void (Reflection::*set)(Message*, const FieldDescriptor*, T) const,
               void (Reflection::*add)(Message*, const FieldDescriptor*, T) const) {
    int64_t number = value_.integer;
    const bool text = value_.IsString() && absl::SimpleAtoi(value_.text, &number);
    if (value_.type != Node::Type::kInteger && !text) return Wrong("a whole number");
    const bool low = number < 0 && (std::is_unsigned_v<T> ||
                                    number < static_cast<int64_t>(std::numeric_limits<T>::min()));
    const bool high =
        sizeof(T) == 4 && number > static_cast<int64_t>(std::numeric_limits<T>::max());
    if (low || high) return Refuse("is out of range");
    (reflection().*(field_->is_repeated() ? add : set))(message_, field_, static_cast<T>(number));
  }

  void Enum() {
    if (!value_.IsString()) return Wrong("a name");
    const std::string wanted = absl::AsciiStrToUpper(value_.text);
    std::vector<absl::string_view> names;
    for (int i = 0; i < field_->enum_type()->value_count(); ++i) {
      const EnumValueDescriptor* candidate = field_->enum_type()->value(i);
      const std::string& name = candidate->name();
      const absl::string_view brief = absl::string_view(name).substr(name.find('_') + 1);
      names.push_back(brief);
      if (wanted != name && wanted != brief) continue;
      return reflection().SetEnum(message_, field_, candidate);
    }
    std::string all;
    for (absl::string_view name : names)
      absl::StrAppend(&all, all.empty() ? "" : ", ", absl::AsciiStrToLower(name));
    Refuse(absl::StrCat("must be one of ", all));
  }

  void Nested() {
    if (!value_.IsObject()) return Wrong("an object");
    Message* nested = field_->is_repeated() ? reflection().AddMessage(message_, field_)
                                            : reflection().MutableMessage(message_, field_);
    FillMessage(value_, path_, {}, nested, out_);
  }

  Message* message_;
  const FieldDescriptor* field_;
  const Node& value_;
  std::string path_;
  Conversion* out_;
};

void FillMap(const Node& value, const std::string& path, const FieldDescriptor* field,
             Message* message, Conversion* out) {
  if (!value.IsObject()) {
    return out->Refuse(path, &value, absl::StrCat("must be an object, is ", TypeName(value.type)));
  }
  const Descriptor* entry_type = field->message_type();
  for (const auto& [name, member] : value.members) {
    Message* entry = message->GetReflection()->AddMessage(message, field);
    entry->GetReflection()->SetString(entry, entry_type->map_key(), name);
    Filler(entry, entry_type->map_value(), member, absl::StrCat(path, "[\"", name, "\"]"), out)
        .Fill();
  }
}

void FillList(const Node& value, const std::string& path, const FieldDescriptor* field,
              Message* message, Conversion* out) {
  if (!value.IsArray()) {
    return out->Refuse(path, &value, absl::StrCat("must be a list, is ", TypeName(value.type)));
  }
  for (size_t i = 0; i < value.items.size(); ++i) {
    Filler(message, field, value.items[i], ItemPath(path, i), out).Fill();
  }
}

void FillField(const Node& value, const std::string& path, const FieldDescriptor* field,
               Message* message, Conversion* out) {
  if (value.type == Node::Type::kNull) return;  // the mapping: null is the default
  if (field->is_map()) return FillMap(value, path, field, message, out);
  if (field->is_repeated()) return FillList(value, path, field, message, out);
  Filler(message, field, value, path, out).Fill();
}

const FieldDescriptor* FindField(const Descriptor& type, const std::string& name) {
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor* field = type.field(i);
    if (field->name() == name || field->json_name() == name) return field;
  }
  return nullptr;
}

std::string Unknown(const Descriptor& type, const std::string& name) {
  std::vector<absl::string_view> known;
  for (int i = 0; i < type.field_count(); ++i) {
    known.emplace_back(type.field(i)->json_name());
    known.emplace_back(type.field(i)->name());
  }
  return absl::StrCat("unknown field", DidYouMean(name, known));
}

}  // namespace

void FillMessage(const Node& object, const std::string& path, const FillRules& rules,
                 Message* message, Conversion* out) {
  std::vector<const FieldDescriptor*> seen;
  for (const auto& [name, value] : object.members) {
    if (absl::c_linear_search(rules.skip, name)) continue;
    const std::string place = JoinPath(path, name);
    const FieldDescriptor* field = FindField(*message->GetDescriptor(), name);
    if (field == nullptr) {
      out->Refuse(place, &value, Unknown(*message->GetDescriptor(), name));
    } else if (absl::c_linear_search(rules.hidden, field->name())) {
      out->Refuse(place, &value, "is made by the system and cannot be written");
    } else if (absl::c_linear_search(seen, field)) {
      out->Refuse(place, &value, "stands twice, under both of its names");
    } else {
      seen.push_back(field);
      FillField(value, place, field, message, out);
    }
  }
}

}  // namespace sallyport::authsvc::dialects
