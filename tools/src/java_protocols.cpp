// The classes of a protocol: who serves it, and who speaks to it.
#include <algorithm>
#include <cctype>

#include "java_writer.hpp"

namespace ringmail::tools {
namespace {

std::string view_name(std::string_view qualified_name) {
  std::string name(short_name(qualified_name));
  name[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(name[0])));
  return name + '_';
}

}  // namespace

std::string JavaWriter::outer_name(std::string_view message) const { return outer_ + "." + java_type_name(message); }

void JavaWriter::write(const Protocol& protocol) {
  line("");
  line("  /**");
  line("   * ", protocol.name,
       ": what an actor of this kind accepts and what it replies. Who serves it extends this, and gives");
  line("   * accepts() and dispatch() to the peer; who speaks to it has a Handle.");
  line("   */");
  line("  public abstract static class ", java_type_name(protocol.name), " {");
  line("    public static final String NAME = \"", protocol.name, "\";");
  if (!protocol.accepts.empty()) line("");
  for (const schema::Accepted& accepted : protocol.accepts) {
    const std::string type = outer_name(accepted.message);
    line("    private final ", type, " ", view_name(accepted.message), " = new ", type, "(new Place_(", type, ".SIZE)",
         is_plain(*schema_.find_message(accepted.message)) ? ", 0" : "", ");");
  }
  for (const schema::Accepted& accepted : protocol.accepts) {
    line("");
    line("    protected abstract ", accepted.reply.empty() ? "void" : outer_name(accepted.reply), " on(",
         outer_name(accepted.message), " message) throws Exception;");
  }
  dispatching(protocol);
  handle(protocol);
  line("  }");
}

void JavaWriter::dispatching(const Protocol& protocol) {
  line("");
  line("    public final boolean accepts(int type) {");
  line("      return switch (type) {");
  for (const schema::Accepted& accepted : protocol.accepts)
    line("        case ", outer_name(accepted.message), ".TYPE -> true;");
  line("        default -> false;");
  line("      };");
  line("    }");
  line("");
  line("    /**");
  line(
      "     * Calls on() with the message from position to limit, which is good until it returns. Writes what that "
      "returns to `reply`.");
  line("     * Returns the type of the reply, 0 for none.");
  line("     */");
  line("    public final int dispatch(int type, ByteBuffer message, ByteBuffer reply) throws Exception {");
  line("      switch (type) {");
  for (const schema::Accepted& accepted : protocol.accepts) {
    const std::string view = view_name(accepted.message);
    line("        case ", outer_name(accepted.message), ".TYPE -> {");
    line("          try {");
    if (accepted.reply.empty()) {
      line("            on(", view, ".wrap(message));");
      line("            return 0;");
    } else {
      line("            ", outer_name(accepted.reply), " answer = on(", view, ".wrap(message));");
      line("            if (answer == null) return 0;");
      line("            answer.writeTo(reply);");
      line("            return ", outer_name(accepted.reply), ".TYPE;");
    }
    line("          } finally {");
    line("            ", view, ".release();");
    line("          }");
    line("        }");
  }
  line(
      "        default -> throw new IllegalArgumentException(NAME + \" does not accept type 0x\" + "
      "Integer.toHexString(type));");
  line("      }");
  line("    }");
}

void JavaWriter::handle(const Protocol& protocol) {
  const bool has_replies =
      std::ranges::any_of(protocol.accepts, [](const auto& accepted) { return !accepted.reply.empty(); });
  line("");
  line("    /** Sends and asks what this protocol accepts, and nothing else. */");
  line("    public static final class Handle {");
  line("      private final Send send_;");
  if (has_replies) line("      private final Ask ask_;");
  line("");
  line("      /** How the bytes of a message are sent: the send() of a mailbox. */");
  line("      public interface Send {");
  line("        void send(int type, ByteBuffer buffer, int offset, int length) throws InterruptedException;");
  line("      }");
  line("");
  if (has_replies) {
    line("      /** How they are asked: the ask() of a mailbox. */");
    line("      public interface Ask {");
    line(
        "        CompletableFuture<ByteBuffer> ask(int type, ByteBuffer buffer, int offset, int "
        "length, int replyType)");
    line("            throws InterruptedException;");
    line("      }");
    line("");
  }
  line("      public Handle(Send send", has_replies ? ", Ask ask" : "", ") {");
  line("        send_ = send;");
  if (has_replies) line("        ask_ = ask;");
  line("      }");
  for (const schema::Accepted& accepted : protocol.accepts) {
    const std::string type = outer_name(accepted.message);
    line("");
    line("      public void send(", type, " message) throws InterruptedException {");
    const std::string size =
        is_plain(*schema_.find_message(accepted.message)) ? type + ".SIZE" : "message.payloadSize()";
    line("        send_.send(", type, ".TYPE, message.buffer(), message.offset(), ", size, ");");
    line("      }");
    if (accepted.reply.empty()) continue;
    const std::string reply = outer_name(accepted.reply);
    line("");
    line("      public CompletableFuture<", reply, "> ask(", type, " message) throws InterruptedException {");
    line("        return ask_.ask(", type, ".TYPE, message.buffer(), message.offset(), ", size, ", ", reply, ".TYPE)");
    line("            .thenApply(", reply, "::over);");
    line("      }");
  }
  line("    }");
}

}  // namespace ringmail::tools
