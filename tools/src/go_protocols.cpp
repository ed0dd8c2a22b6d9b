#include "go_prelude.hpp"
#include "go_writer.hpp"

namespace ringmail::tools {

void GoWriter::write(const Protocol& protocol) {
  const std::string name(short_name(protocol.name));
  if (!std::exchange(has_interfaces_, true)) write_interfaces();
  write_handler(protocol, package_.claim(name + "Handler"), package_.claim("Handle" + name));
  write_mailbox(protocol, package_.claim(name + "Mailbox"));
}

void GoWriter::write_interfaces() {
  raw(named(go_message, message_name_));
  raw(named(go_mailbox, mailbox_name_));
  imports_.insert("context");
}

std::string GoWriter::named(std::string_view text, std::string_view name) {
  std::string result;
  for (const char c : text) c == '$' ? result.append(name) : result.append(1, c);
  return result;
}

std::string GoWriter::size_of(const std::string& message, const std::string& of) const {
  return schema_.find_message(message)->is_variable() ? of + ".RingmailSize()" : names_.at(message).size;
}

void GoWriter::write_handler(const Protocol& protocol, const std::string& handler, const std::string& function) {
  line("");
  line("// ", handler, " is what an actor of the kind ", protocol.name,
       " does with each message. What is returned is the reply, where");
  line("// somebody asked and has no answer yet.");
  if (protocol.accepts.empty()) {
    line("type ", handler, "[M ", message_name_, "] interface{}");
  } else {
    line("type ", handler, "[M ", message_name_, "] interface {");
    for (const schema::Accepted& accepted : protocol.accepts) {
      const std::string result = accepted.reply.empty() ? "error" : "(" + names_.at(accepted.reply).value + ", error)";
      const GoMessageNames& names = names_.at(accepted.message);
      line("\t", names.value, "(message M, view ", names.view, ") ", result);
    }
    line("}");
  }
  line("");
  line("// ", function, " gives each message to the method of its type, and sends what that returns.");
  line("func ", function, "[M ", message_name_, "](handler ", handler, "[M]) func(M) error {");
  line("\treturn func(message M) error {");
  if (!protocol.accepts.empty()) {
    line("\t\tswitch message.Type() {");
    for (const schema::Accepted& accepted : protocol.accepts) write_case(accepted);
    line("\t\t}");
  }
  line("\t\treturn message.NoHandler()");
  line("\t}");
  line("}");
}

void GoWriter::write_case(const schema::Accepted& accepted) {
  const GoMessageNames& names = names_.at(accepted.message);
  line("\t\tcase ", names.type, ":");
  line("\t\t\tview, err := ", names.view_function, "(message.Payload())");
  line("\t\t\tif err != nil {");
  line("\t\t\t\treturn err");
  line("\t\t\t}");
  if (accepted.reply.empty()) {
    line("\t\t\tif err := handler.", names.value, "(message, view); err != nil {");
    line("\t\t\t\treturn err");
    line("\t\t\t}");
    line("\t\t\treturn message.Done()");
    return;
  }
  const GoMessageNames& reply = names_.at(accepted.reply);
  line("\t\t\treply, err := handler.", names.value, "(message, view)");
  line("\t\t\tif err != nil || !message.Asked() {");
  line("\t\t\t\treturn err");
  line("\t\t\t}");
  line("\t\t\troom, err := message.ReplyRoom(", reply.type, ", ", size_of(accepted.reply, "reply"), ")");
  line("\t\t\tif err != nil {");
  line("\t\t\t\treturn err");
  line("\t\t\t}");
  line("\t\t\treply.RingmailPut(room)");
  line("\t\t\treturn message.Publish()");
}

void GoWriter::write_mailbox(const Protocol& protocol, const std::string& mailbox) {
  line("");
  line("// ", mailbox, " sends only what a ", protocol.name, " accepts.");
  line("type ", mailbox, "[B ", mailbox_name_, "] struct {");
  line("\tTo B");
  line("}");
  for (const schema::Accepted& accepted : protocol.accepts) {
    const GoMessageNames& names = names_.at(accepted.message);
    const std::string self = "func (p " + mailbox + "[B]) ";
    line("");
    line("// Send", names.value, " waits for room until the context is done.");
    line(self, "Send", names.value, "(ctx context.Context, message *", names.value, ") error {");
    line("\troom, err := p.To.Loan(ctx, ", names.type, ", ", size_of(accepted.message, "message"), ")");
    line("\tif err != nil {");
    line("\t\treturn err");
    line("\t}");
    line("\tmessage.RingmailPut(room)");
    line("\treturn p.To.Publish()");
    line("}");
    line("");
    const bool is_variable = schema_.find_message(accepted.message)->is_variable();
    line("// Loan", names.value,
         is_variable                  ? " is a new one in the ring itself, with room for that much content,"
         : names.new_function.empty() ? " is one of zeros in the ring itself,"
                                      : " is one with its defaults in the ring itself,",
         " to be written and then published by To.Publish.");
    line(self, "Loan", names.value, "(ctx context.Context", is_variable ? ", lengths " + names.lengths : "", ") (",
         names.draft, ", error) {");
    line("\troom, err := p.To.Loan(ctx, ", names.type, ", ", size_of(accepted.message, "lengths"), ")");
    line("\tif err != nil {");
    line("\t\treturn ", names.draft, "{}, err");
    line("\t}");
    line("\treturn ", names.draft_function, "(room", is_variable ? ", lengths" : "", "), nil");
    line("}");
    write_ask(accepted, self);
  }
}

void GoWriter::write_ask(const schema::Accepted& accepted, const std::string& self) {
  const GoMessageNames& names = names_.at(accepted.message);
  line("");
  line("// Ask", names.value, " waits until the ",
       accepted.reply.empty() ? "message has been handled" : "reply has come", ", or the context is done.");
  const std::string head = self + "Ask" + names.value + "(ctx context.Context, message *" + names.value + ") ";
  if (accepted.reply.empty()) {
    line(head, "error {");
    line("\tpayload, _ := message.MarshalBinary()");
    line("\t_, _, err := p.To.Call(ctx, ", names.type, ", payload)");
    line("\treturn err");
    line("}");
    return;
  }
  const GoMessageNames& reply = names_.at(accepted.reply);
  line(head, "(reply ", reply.value, ", err error) {");
  line("\tpayload, _ := message.MarshalBinary()");
  line("\ttypeID, bytes, err := p.To.Call(ctx, ", names.type, ", payload)");
  line("\tif err != nil {");
  line("\t\treturn reply, err");
  line("\t}");
  line("\tif typeID != ", reply.type, " {");
  line("\t\treturn reply, fmt.Errorf(\"the reply to %s has the type %#x, not that of %s\", ", names.name, ", typeID, ",
       reply.name, ")");
  line("\t}");
  line("\treturn reply, reply.UnmarshalBinary(bytes)");
  line("}");
}

}  // namespace ringmail::tools
